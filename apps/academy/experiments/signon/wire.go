package signon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

const maxAnswer = 256 << 10 // bytes

// wire is the connection between the bank and its provider. It records the token requests, as an attacker on the line
// could, and can replace a response by an earlier one.
type wire struct {
	next http.RoundTripper

	mu      sync.Mutex
	address string      // of the last token request
	header  http.Header // of that request
	body    []byte      // of that request
	answer  []byte      // response to it, if successful
	replace []byte      // replaces the next successful response
}

// RoundTrip implements http.RoundTripper. It records successful POST requests and their responses.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || r.Body == nil {
		return w.next.RoundTrip(r)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	_ = r.Body.Close()
	if err != nil {
		return nil, err
	}
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	res, err := w.next.RoundTrip(copied)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.address, w.header, w.body = r.URL.String(), r.Header.Clone(), body
	if w.replace != nil {
		answer, w.replace = w.replace, nil
	}
	w.answer = answer
	w.mu.Unlock()
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
	res.Header.Del("Content-Length")
	return res, nil
}

// swap makes the last successful response replace the next one, or, with false, cancels that. It returns an error if
// there is none.
func (w *wire) swap(on bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !on {
		w.replace = nil
		return nil
	}
	if w.answer == nil {
		return errors.New("signon: there is no answer to replay")
	}
	w.replace = w.answer
	return nil
}

// accessToken returns the access token of the last successful response.
func (w *wire) accessToken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var a struct {
		Token string `json:"access_token"`
	}
	_ = json.Unmarshal(w.answer, &a)
	return a.Token
}

// again sends the last token request again, byte for byte, and returns the OAuth error.
func (w *wire) again(ctx context.Context) (status int, code, description string, err error) {
	w.mu.Lock()
	address, header, body := w.address, w.header.Clone(), w.body
	w.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, "", "", fmt.Errorf("signon: %w", err)
	}
	req.Header = header
	res, err := w.next.RoundTrip(req)
	if err != nil {
		return 0, "", "", fmt.Errorf("signon: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	_ = json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&said)
	return res.StatusCode, said.Error, said.Description, nil
}

// use sends a GET with an access token and returns the response's status.
func (w *wire) use(ctx context.Context, address, token string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, fmt.Errorf("signon: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := w.next.RoundTrip(req)
	if err != nil {
		return 0, fmt.Errorf("signon: %w", err)
	}
	_ = res.Body.Close()
	return res.StatusCode, nil
}
