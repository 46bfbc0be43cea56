package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
)

// The precision of a sketch: 2^14 registers, of which a count of very many is right to within 0.8 % (one standard
// deviation).
const (
	precision = 14
	registers = 1 << precision
)

const (
	// maxStored is how many people a stored sketch knows exactly: 8 KiB of them.
	maxStored = 1024
	// maxExact is how many people a union of sketches counts exactly.
	maxExact = 1 << 14
)

// sketch is a set of people of which only the number is asked for. Of a few it knows the hashes and is exact; of many it
// keeps the registers of a HyperLogLog.
type sketch struct {
	hashes map[uint64]struct{} // nil once there are registers
	ranks  []byte              // registers of them, or nil
	limit  int                 // of hashes
}

func newSketch(limit int) *sketch {
	return &sketch{hashes: map[uint64]struct{}{}, limit: limit}
}

// hashOf is the same on every replica, for ever.
func hashOf(subject string) uint64 {
	sum := sha256.Sum256([]byte(subject))
	return binary.BigEndian.Uint64(sum[:])
}

// add reports whether that changed s.
func (s *sketch) add(hash uint64) bool {
	if s.ranks != nil {
		return s.raise(hash)
	}
	if _, known := s.hashes[hash]; known {
		return false
	}
	s.hashes[hash] = struct{}{}
	if len(s.hashes) > s.limit {
		s.thin()
	}
	return true
}

// raise enters a hash into its register: the place of the first one bit behind those that name the register.
func (s *sketch) raise(hash uint64) bool {
	i := hash >> (64 - precision)
	rank := byte(bits.LeadingZeros64(hash<<precision|1<<(precision-1)) + 1)
	if s.ranks[i] >= rank {
		return false
	}
	s.ranks[i] = rank
	return true
}

// thin gives up the hashes for registers.
func (s *sketch) thin() {
	s.ranks = make([]byte, registers)
	for h := range s.hashes {
		s.raise(h)
	}
	s.hashes = nil
}

// The first byte of a stored sketch says what follows.
const (
	storedHashes = 'h' // in order, 8 bytes each, big-endian
	storedRanks  = 'r' // a byte each
)

var errSketch = errors.New("analytics: a stored sketch of people can't be read")

// merge adds the people of a stored sketch. An empty one has none.
func (s *sketch) merge(stored []byte) error {
	if len(stored) == 0 {
		return nil
	}
	kind, rest := stored[0], stored[1:]
	switch {
	case kind == storedHashes && len(rest)%8 == 0:
		for ; len(rest) > 0; rest = rest[8:] {
			s.add(binary.BigEndian.Uint64(rest))
		}
	case kind == storedRanks && len(rest) == registers:
		if s.ranks == nil {
			s.thin()
		}
		for i, rank := range rest {
			s.ranks[i] = max(s.ranks[i], rank)
		}
	default:
		return errSketch
	}
	return nil
}

// stored is what merge reads.
func (s *sketch) stored() []byte {
	if s.ranks != nil {
		return append([]byte{storedRanks}, s.ranks...)
	}
	hashes := make([]uint64, 0, len(s.hashes))
	for h := range s.hashes {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	out := []byte{storedHashes}
	for _, h := range hashes {
		out = binary.BigEndian.AppendUint64(out, h)
	}
	return out
}

// count is how many people there are: exactly, or by O. Ertl's estimator, which needs no correction for small or large
// numbers (New cardinality estimation algorithms for HyperLogLog sketches, 2017, algorithm 6).
func (s *sketch) count() int64 {
	if s.ranks == nil {
		return int64(len(s.hashes))
	}
	const m, q = float64(registers), 64 - precision
	var of [q + 2]float64 // how many registers have each rank
	for _, rank := range s.ranks {
		of[rank]++
	}
	z := m * tau(1-of[q+1]/m)
	for k := q; k >= 1; k-- {
		z = (z + of[k]) / 2
	}
	z += m * sigma(of[0]/m)
	return int64(math.Round(m * m / (2 * math.Ln2 * z)))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	z, y := x, 1.0
	for before := math.NaN(); z != before; y *= 2 {
		before, x = z, x*x
		z += x * y
	}
	return z
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	z, y := 1-x, 1.0
	for before := math.NaN(); z != before; {
		before, x, y = z, math.Sqrt(x), y/2
		z -= (1 - x) * (1 - x) * y
	}
	return z / 3
}
