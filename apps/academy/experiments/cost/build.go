package cost

import (
	"context"
	"errors"
)

// open opens a branch of the kind and replaces the previous one.
func (a *apparatus) open(ctx context.Context, k kind) (*branch, error) {
	b, err := a.build(ctx, k)
	if err != nil {
		return nil, err
	}
	b.kind = k
	if err := b.serve(ctx); err != nil {
		b.close()
		return nil, err
	}
	a.mu.Lock()
	old := a.branches[k.name]
	a.branches[k.name] = b
	if old != nil {
		b.answered.Store(old.answered.Load())
	}
	a.mu.Unlock()
	if old != nil {
		old.close()
	}
	return b, nil
}

func (a *apparatus) build(ctx context.Context, k kind) (*branch, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	switch k.name {
	case ram:
		return newRAM(), nil
	case fresh:
		return newFresh(ctx, a.office)
	case remembered:
		return newRemembered(a.office)
	}
	rdb := a.redis.Connect()
	var (
		b   *branch
		err error
	)
	switch k.name {
	case inRedis:
		b, err = newRedis(ctx, rdb)
	case withExists:
		b, err = newExists(a.office, rdb)
	case withMirror:
		b, err = newMirrored(ctx, a.office, rdb, a.bench.Logger)
	default:
		err = errors.New("cost: no kind " + k.name)
	}
	if err != nil {
		_ = rdb.Close()
		return nil, err
	}
	stop := b.stop
	b.stop = func() {
		if stop != nil {
			stop()
		}
		_ = rdb.Close()
	}
	return b, nil
}
