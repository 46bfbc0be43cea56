package lab

import (
	"os"
	"path/filepath"
)

// room is the memory and disk space of all runs of a manager, and the reserved part of it. The manager's lock guards
// it.
type room struct {
	total, used Needs
}

// The share of what other accounts or networks leave free that one account, or one network, may reserve; many
// learners may be behind one network address. Thus some room is always left for the next learner, however many
// accounts one person creates. A run with the default limits is always within the share.
const (
	accountShare = 0.5
	networkShare = 0.75
)

// reserve sets the reservation of c to n. It returns ErrFull or ErrShare if that is too much. runs are all runs.
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
		var own Needs // of the same account or network, without c
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

// release frees the reservation of c.
func (r *room) release(c *child) {
	r.used.Memory -= c.needs.Memory
	r.used.Disk -= c.needs.Disk
	c.needs = Needs{}
}

// diskUsed returns the bytes of the files in a run's folder.
func diskUsed(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil {
			return nil // removed meanwhile
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
