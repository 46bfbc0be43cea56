package rp

import (
	"io"
	"strings"
	"testing"
)

func TestDecompress_ReadsWhatThisAndEarlierVersionsStored(t *testing.T) {
	for _, text := range []string{"{}", `{"id":"a.b.c"}`, `{"id":"` + strings.Repeat("eyJhbGciOiJSUzI1NiJ9.", 500) + `"}`} {
		for name, stored := range map[string][]byte{"compressed": compress([]byte(text)), "plain": []byte(text)} {
			if got, err := io.ReadAll(decompress(stored)); err != nil || string(got) != text {
				t.Errorf("%s: %q, %v; want %q", name, got, err, text)
			}
		}
	}
}
