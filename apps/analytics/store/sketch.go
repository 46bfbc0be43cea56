package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
)

// The precision of a sketch: 2^14 registers give large counts a standard error of 0.8 %.
const (
	precision = 14
	registers = 1 << precision
)

const (
	// maxStored is the number of users up to which a stored sketch is exact, in 8 KiB.
	maxStored = 1024
	// maxExact is the number of users up to which a union of sketches is exact.
	maxExact = 1 << 14
)

// sketch is a set of users that can be counted but not listed. It holds the hashes of few users and is exact; of many
// it holds the registers of a HyperLogLog.
type sketch struct {
	hashes map[uint64]struct{} // nil once there are registers
	ranks  []byte              // the registers, or nil
	limit  int                 // the maximum number of hashes
}

func newSketch(limit int) *sketch {
	return &sketch{hashes: map[uint64]struct{}{}, limit: limit}
}

// hashOf returns the first 64 bits of the SHA-256 hash of subject. It must never change: stored sketches contain these
// hashes.
func hashOf(subject string) uint64 {
	sum := sha256.Sum256([]byte(subject))
	return binary.BigEndian.Uint64(sum[:])
}

// add adds a hash, and reports whether that changed s.
func (s *sketch) add(hash uint64) bool {
	if s.ranks != nil {
		return s.raiseRegister(hash)
	}
	if _, known := s.hashes[hash]; known {
		return false
	}
	s.hashes[hash] = struct{}{}
	if len(s.hashes) > s.limit {
		s.toRegisters()
	}
	return true
}

// raiseRegister updates the register of a hash, and reports whether that changed it. The first bits of the hash select
// the register; its value is the position of the first 1 bit after them.
func (s *sketch) raiseRegister(hash uint64) bool {
	i := hash >> (64 - precision)
	rank := byte(bits.LeadingZeros64(hash<<precision|1<<(precision-1)) + 1)
	if s.ranks[i] >= rank {
		return false
	}
	s.ranks[i] = rank
	return true
}

// toRegisters replaces the hashes with registers.
func (s *sketch) toRegisters() {
	s.ranks = make([]byte, registers)
	for h := range s.hashes {
		s.raiseRegister(h)
	}
	s.hashes = nil
}

// The first byte of a stored sketch is the format of the rest.
const (
	storedHashes = 'h' // in order, 8 bytes each, big-endian
	storedRanks  = 'r' // a byte each
)

var errSketch = errors.New("analytics: a stored sketch of people can't be read")

// merge adds the users of a stored sketch. Empty data is an empty sketch. It returns errSketch if the data is invalid.
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
			s.toRegisters()
		}
		for i, rank := range rest {
			s.ranks[i] = max(s.ranks[i], rank)
		}
	default:
		return errSketch
	}
	return nil
}

// stored returns s in the format that merge reads.
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

// count returns the number of users: exactly, or by O. Ertl's estimator, which needs no correction for small or large
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
