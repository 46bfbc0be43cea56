package hops

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
)

// dictionary holds what nearly every hop repeats, the most frequent last (RFC 1951 §3.2.5: near matches are short).
// Changing it makes stored hops unreadable.
const dictionary = `"i":"check","n":"pkce"},{"i":"claim","n":"auth_time"},{"i":"json","n":"refresh_token","n":"id_token","n":"access_token","n":"token_type",` +
	`"v":"Bearer","n":"expires_in","v":"300","n":"scope","v":"openid profile email roles offline_access"},{"i":"header","n":"Authorization","n":"Set-Cookie"` +
	`{"i":"cookie","n":"portal_session","n":"shop_session"},{"i":"form","n":"grant_type","v":"authorization_code","n":"code_verifier","n":"client_secret"` +
	`},{"i":"location","n":"return_to","v":"/oauth/authorize"},{"i":"query","n":"client_id","n":"redirect_uri","v":"http://shop.localhost:8080/auth/callback"` +
	`},{"i":"query","n":"response_type","v":"code"},{"i":"query","n":"code_challenge_method","v":"S256"},{"i":"query","n":"code_challenge","n":"nonce","n":"state"` +
	`,"a":"http://portal.localhost:8080/oauth/authorize","s":302,"q":[{"i":"query","n":"],"w":[{"i":"location","n":"` +
	`{"k":"callback","k":"token","k":"page","k":"authorize","t":"2026-11-29T12:00:00.000000000Z","d":1000000,"f":"browser","o":"provider","r":"portal-1","m":"GET"`

// compressor compresses hops for Redis. It must not be used concurrently.
type compressor struct {
	buffer bytes.Buffer
	writer *flate.Writer
}

func (c *compressor) compress(raw []byte) []byte {
	c.buffer.Reset()
	if c.writer == nil {
		// NewWriterDict fails only for unknown levels.
		c.writer, _ = flate.NewWriterDict(&c.buffer, flate.DefaultCompression, []byte(dictionary))
	} else {
		c.writer.Reset(&c.buffer)
	}
	_, _ = c.writer.Write(raw) // writing to a buffer never fails
	_ = c.writer.Close()
	return bytes.Clone(c.buffer.Bytes())
}

// decompress returns the JSON of a hop that compress stored, or nil if stored is anything else.
func decompress(stored string) []byte {
	r := flate.NewReaderDict(strings.NewReader(stored), []byte(dictionary))
	raw, err := io.ReadAll(io.LimitReader(r, maxHop+1))
	if err != nil || len(raw) > maxHop {
		return nil
	}
	return raw
}
