package trace

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"io"
	"strings"
)

// dictionary has the steps of a sign-in without what differs from one to the next, so that only that is stored (RFC
// 1951 §3.2.5). Changing it makes stored steps unreadable.
//
//go:embed dictionary.jsonl
var dictionary []byte

// compressor compresses steps for Redis. It must not be used concurrently.
type compressor struct {
	buffer bytes.Buffer
	writer *flate.Writer
}

func (c *compressor) compress(raw []byte) []byte {
	c.buffer.Reset()
	if c.writer == nil {
		c.writer, _ = flate.NewWriterDict(&c.buffer, flate.BestCompression, dictionary) // fails for unknown levels only
	} else {
		c.writer.Reset(&c.buffer)
	}
	_, _ = c.writer.Write(raw) // writing to a buffer never fails
	_ = c.writer.Close()
	return bytes.Clone(c.buffer.Bytes())
}

// decompress returns the JSON of a step that compress stored, or nil if stored is anything else.
func decompress(stored string) []byte {
	r := flate.NewReaderDict(strings.NewReader(stored), dictionary)
	raw, err := io.ReadAll(io.LimitReader(r, maxStep+1))
	if err != nil || len(raw) > maxStep {
		return nil
	}
	return raw
}
