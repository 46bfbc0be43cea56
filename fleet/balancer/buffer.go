package balancer

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// maxBuffered is the maximum size of a response that is received completely before it is forwarded, in bytes.
const maxBuffered = 1 << 20

var responseBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// bufferResponse reads the complete body of a response of known length, so that the backend may fail half-way: as long
// as the client has received nothing, a safe request can be sent to another backend. Streams have no length and are
// forwarded as they come.
func bufferResponse(req *http.Request, res *http.Response) error {
	if !isRepeatable(req) || req.Method == http.MethodHead || res.ContentLength <= 0 || res.ContentLength > maxBuffered {
		return nil
	}
	buf, _ := responseBuffers.Get().(*bytes.Buffer)
	buf.Reset()
	_, err := io.CopyN(buf, res.Body, res.ContentLength)
	_ = res.Body.Close()
	if err != nil {
		responseBuffers.Put(buf)
		return err
	}
	res.Body = &bufferedBody{buf: buf}
	return nil
}

// bufferedBody returns its buffer to the pool when it is closed.
type bufferedBody struct{ buf *bytes.Buffer }

func (b *bufferedBody) Read(p []byte) (int, error) {
	if b.buf == nil {
		return 0, io.EOF
	}
	return b.buf.Read(p)
}

func (b *bufferedBody) Close() error {
	if b.buf != nil {
		responseBuffers.Put(b.buf)
		b.buf = nil
	}
	return nil
}
