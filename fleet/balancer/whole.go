package balancer

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// maxWhole is the maximum size of a response that is received completely before it is forwarded, in bytes.
const maxWhole = 1 << 20

var wholes = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// receiveWhole reads the complete body of a response of known length, so that the backend may fail half-way: as long as
// the client has received nothing, a safe request can be sent to another backend. Streams have no length and are
// forwarded as they come.
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

// wholeBody returns its buffer to the pool when it is closed.
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
