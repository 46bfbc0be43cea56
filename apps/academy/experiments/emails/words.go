package emails

import (
	"fmt"
	"strconv"
	"time"
)

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// millis formats a duration in milliseconds with about three significant digits.
func millis(d time.Duration) string {
	switch n := ms(d); {
	case n >= 10_000:
		return number(int(n)) + " ms"
	case n >= 100:
		return fmt.Sprintf("%.0f ms", n)
	case n >= 10:
		return fmt.Sprintf("%.1f ms", n)
	case n >= 1:
		return fmt.Sprintf("%.2f ms", n)
	default:
		return fmt.Sprintf("%.3f ms", n)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// size formats a number of bytes in MB or GB.
func size(bytes int64) string {
	switch n := float64(bytes); {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", n/1e9)
	case n >= 1e7:
		return fmt.Sprintf("%.0f MB", n/1e6)
	default:
		return fmt.Sprintf("%.1f MB", n/1e6)
	}
}

// number formats n with thousands separators: 5,000,000.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// times1 formats a ratio: "1,234 times", "3.4 times".
func times1(n float64) string {
	if n >= 10 {
		return number(int(n+0.5)) + " times"
	}
	return fmt.Sprintf("%.1f times", n)
}
