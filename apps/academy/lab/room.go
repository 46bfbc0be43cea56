package lab

import (
	"os"
	"path/filepath"
)

// room is what a manager has for all its runs together, and what is reserved of it. It is guarded by the manager's
// lock.
type room struct {
	total, used Needs
}

// The part of the room that is left by all others which one account may hold, and one network, where many learners
// may sit behind one address. So there is always something left for the next, however many accounts one person makes.
// An ordinary experiment is anyone's share.
const (
	accountShare = 0.5
	networkShare = 0.75
)

// reserve sets what c may take to n, and returns ErrFull or ErrShare where that is too much. runs are all that run.
func (r *room) reserve(c *child, n Needs, runs map[string]*child) error {
	others := Needs{r.used.Memory - c.needs.Memory, r.used.Disk - c.needs.Disk}
	if others.Memory+n.Memory > r.total.Memory || others.Disk+n.Disk > r.total.Disk {
		return ErrFull
	}
	for _, who := range []struct {
		share float64
		same  func(o *child) bool
	}{
		{accountShare, func(o *child) bool { return o.account == c.account }},
		{networkShare, func(o *child) bool { return o.network == c.network }},
	} {
		var own Needs // of theirs, without c
		for _, o := range runs {
			if o != c && who.same(o) {
				own.Memory += o.needs.Memory
				own.Disk += o.needs.Disk
			}
		}
		left := Needs{r.total.Memory - others.Memory + own.Memory, r.total.Disk - others.Disk + own.Disk}
		if own.Memory+n.Memory > max(DefaultMemory, part(left.Memory, who.share)) || own.Disk+n.Disk > max(DefaultDisk, part(left.Disk, who.share)) {
			return ErrShare
		}
	}
	r.used = Needs{others.Memory + n.Memory, others.Disk + n.Disk}
	c.needs = n
	return nil
}

func part(of int64, share float64) int64 { return int64(float64(of) * share) }

// release gives back what c holds.
func (r *room) release(c *child) {
	r.used.Memory -= c.needs.Memory
	r.used.Disk -= c.needs.Disk
	c.needs = Needs{}
}

// diskUsed returns the bytes of the files in a run's folder.
func diskUsed(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil {
			return nil // it has gone meanwhile
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
