package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Client is a client of a Control's API. It is safe for concurrent use.
type Client struct {
	base, secret string
	http         *http.Client
}

// requestTimeout is the timeout of a request to `gatehouse up`, which runs on this machine and answers quickly.
const requestTimeout = 3 * time.Second

// maxView is the maximum size of a response that is read, in bytes.
const maxView = 1 << 20

// NewClient returns a client, or an error if the address is invalid or the secret is missing. It does not use the
// network.
func NewClient(base, secret string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" || u.Host == "" || u.Path != "" {
		return nil, errors.New("control: the address must be one such as http://127.0.0.1:1234")
	}
	if secret == "" {
		return nil, errors.New("control: the secret is missing")
	}
	return &Client{base: base, secret: secret, http: &http.Client{
		Timeout:       requestTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// View returns the state of the estate. The error wraps ErrUnavailable if `gatehouse up` does not answer.
func (c *Client) View(ctx context.Context) (View, error) {
	var v View
	return v, c.call(ctx, http.MethodGet, "/estate", nil, &v)
}

// Kill calls Control.Kill. As for the methods below, its error is a Refusal or wraps ErrUnavailable.
func (c *Client) Kill(ctx context.Context, by By, replica string, pid int) error {
	return c.call(ctx, http.MethodPost, "/kill", command{By: by, Replica: replica, PID: pid}, nil)
}

// Add calls Control.Add.
func (c *Client) Add(ctx context.Context, by By, replica string) error {
	return c.call(ctx, http.MethodPost, "/add", command{By: by, Replica: replica}, nil)
}

// Remove calls Control.Remove.
func (c *Client) Remove(ctx context.Context, by By, replica string) error {
	return c.call(ctx, http.MethodPost, "/remove", command{By: by, Replica: replica}, nil)
}

// SetPolicy calls Control.SetPolicy.
func (c *Client) SetPolicy(ctx context.Context, by By, service, policy string) error {
	return c.call(ctx, http.MethodPost, "/policy", command{By: by, Service: service, Policy: policy}, nil)
}

func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if len(text) > maxCommand {
		return Refusal("Not found.")
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.secret)
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	answer := io.LimitReader(res.Body, maxView)
	switch {
	case res.StatusCode == http.StatusNoContent:
		return nil
	case res.StatusCode == http.StatusOK && into != nil:
		err = json.NewDecoder(answer).Decode(into)
	case res.StatusCode == http.StatusConflict:
		var no refused
		if err = json.NewDecoder(answer).Decode(&no); err == nil {
			return no.Refusal
		}
	default:
		err = fmt.Errorf("it answered %s", res.Status)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}
