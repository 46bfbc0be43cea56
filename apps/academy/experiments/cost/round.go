package cost

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// patience is the timeout of a request.
const patience = 5 * time.Second

// measured is the result of measuring one kind.
type measured struct {
	check      time.Duration // alone, without HTTP: the median of many batches
	median     time.Duration // of the requests' latency
	slow       time.Duration // 99th percentile
	throughput float64       // requests per second, in the median slice of the round
	requests   int
	commands   int64 // that the branch sent to Redis meanwhile, for any purpose
}

// lookups returns the number of Redis commands per request.
func (m measured) lookups() float64 { return float64(m.commands) / float64(m.requests) }

// bare measures the check alone for about long and returns the median. It times batches: long enough for the clock's
// resolution, and short enough that a busy machine interrupts few of them.
func bare(ctx context.Context, b *branch, batch int, long time.Duration) (time.Duration, error) {
	const most, least = 3000, 5
	var took []time.Duration
	for began := time.Now(); len(took) < most && (len(took) < least || time.Since(began) < long); {
		asked := make([]*http.Request, 0, batch)
		for range batch {
			r := b.present()
			if r == nil {
				break
			}
			asked = append(asked, r)
		}
		if len(asked) < batch || ctx.Err() != nil {
			break
		}
		at := time.Now()
		for _, r := range asked {
			if _, err := b.check(r); err != nil {
				return 0, fmt.Errorf("cost: the check of %s: %w", b.kind.name, err)
			}
		}
		took = append(took, time.Since(at)/time.Duration(batch))
	}
	if len(took) == 0 {
		return 0, context.Cause(ctx)
	}
	return quantile(took, 0.5), nil
}

// load measures the branch for the duration long: each client sends requests one after the other over one kept-alive
// connection.
func load(ctx context.Context, b *branch, clients int, long time.Duration) (measured, error) {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	answers := make([][]answered, clients)
	wrong := make([]error, clients)
	var all sync.WaitGroup
	commands, began := b.commands(), time.Now()
	for i := range clients {
		all.Go(func() { answers[i], wrong[i] = askOn(ctx, b, began) })
	}
	all.Wait()
	lasted := time.Since(began)
	for _, err := range wrong {
		if err != nil {
			return measured{}, err
		}
	}
	m := measured{commands: b.commands() - commands}
	each := slices.Concat(answers...)
	if m.requests = len(each); m.requests == 0 {
		return m, fmt.Errorf("cost: %s answered nothing within %s", b.kind.name, long)
	}
	took := make([]time.Duration, len(each))
	for i, one := range each {
		took[i] = one.took
	}
	m.throughput = perSecond(each, lasted)
	m.median, m.slow = quantile(took, 0.5), quantile(took, 0.99)
	return m, nil
}

// answered is one request: when its response arrived, since the round's start, and how long it took.
type answered struct{ at, took time.Duration }

// perSecond returns the throughput in the round's median slice, so that short interruptions by other processes do not
// count. If most slices are empty, because the machine was busy, it returns the average of the round.
func perSecond(each []answered, lasted time.Duration) float64 {
	const many = 9
	slice := lasted / many
	if slice <= 0 {
		return 0
	}
	counts := make([]int, many)
	for _, one := range each {
		counts[min(int(one.at/slice), many-1)]++
	}
	slices.Sort(counts)
	if counts[many/2] == 0 {
		return float64(len(each)) / lasted.Seconds()
	}
	return float64(counts[many/2]) / slice.Seconds()
}

// askOn sends one request after the other until ctx ends or there are no more cards, and at least one.
func askOn(ctx context.Context, b *branch, began time.Time) ([]answered, error) {
	dial := net.Dialer{Timeout: patience}
	conn, err := dial.DialContext(context.WithoutCancel(ctx), "tcp", b.addr)
	if err != nil {
		return nil, fmt.Errorf("cost: %w", err)
	}
	defer func() { _ = conn.Close() }()
	in, out := bufio.NewReaderSize(conn, 1<<10), bufio.NewWriterSize(conn, 4<<10)
	var all []answered
	for len(all) == 0 || ctx.Err() == nil {
		r := b.present()
		if r == nil {
			break
		}
		took, err := ask(conn, in, out, r)
		if err != nil {
			return nil, fmt.Errorf("cost: a request to %s: %w", b.kind.name, err)
		}
		all = append(all, answered{time.Since(began), took})
	}
	return all, nil
}

// ask sends one request and reads its response, which must be 200.
func ask(conn net.Conn, in *bufio.Reader, out *bufio.Writer, r *http.Request) (time.Duration, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	at := time.Now()
	if err := r.Write(out); err != nil {
		return 0, err
	}
	if err := out.Flush(); err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(in, r)
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	_ = res.Body.Close()
	took := time.Since(at)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answered %s: %.100s", res.Status, body)
	}
	return took, err
}

// quantile returns the q-quantile of all, and sorts all.
func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[max(int(math.Ceil(q*float64(len(all)))), 1)-1]
}
