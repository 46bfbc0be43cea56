package balancer

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// maxWhole is the size in bytes of the largest answer that is received whole
// before any of it is passed on.
const maxWhole = 1 << 20

var wholes = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// receiveWhole takes in an answer whose length is known, so that a backend that
// dies half-way through it costs nothing: as long as the client has seen none of
// it, a safe request can go to another backend. Streams have no length and are
// passed on as they come.
func receiveWhole(req *http.Request, res *http.Response) error {
	if !repeatable(req) || req.Method == http.MethodHead || res.ContentLength <= 0 || res.ContentLength > maxWhole {
		return nil
	}
	buf, _ := wholes.Get().(*bytes.Buffer)
	buf.Reset()
	_, err := io.CopyN(buf, res.Body, res.ContentLength)
	_ = res.Body.Close()
	if err != nil {
		wholes.Put(buf)
		return err
	}
	res.Body = &wholeBody{buf: buf}
	return nil
}

// wholeBody gives its buffer back when it is closed.
type wholeBody struct{ buf *bytes.Buffer }

func (b *wholeBody) Read(p []byte) (int, error) {
	if b.buf == nil {
		return 0, io.EOF
	}
	return b.buf.Read(p)
}

func (b *wholeBody) Close() error {
	if b.buf != nil {
		wholes.Put(b.buf)
		b.buf = nil
	}
	return nil
}
