package lab

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// client calls lab processes of this replica and of others.
type client struct {
	key  []byte // that runs' secrets are derived from, the same for all replicas
	http *http.Client
}

func newClient(key string) *client {
	return &client{key: []byte(key), http: &http.Client{
		Timeout: controlTime + 5*time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 2, MaxIdleConns: 200, IdleConnTimeout: 30 * time.Second,
			DialContext: dialer.DialContext, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// runHeader is the response header in which a control API names its run, for requests with the right secret. After a
// run has ended, another server may have its address, whose responses say nothing about the run.
const runHeader = "Gatehouse-Run"

// secret returns the secret of a run's control API. It is derived from the key, so that every replica knows it and
// none has to store it.
func (c *client) secret(id string) string {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte("lab:" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// maxState limits the size of a lab process's response, in bytes.
const maxState = 8 << 20

// call sends a request to a run's control API and returns the run's state. It returns ErrGone if nothing listens at
// the run's address or another server answers there, ErrSame if the state is unchanged, a Refusal, or the transport's
// error, after which the run may still be running.
func (c *client) call(ctx context.Context, method, addr, id, path string, body any) (State, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return State{}, fmt.Errorf("lab: %w", err)
	}
	if len(raw) > maxBody {
		return State{}, Refusal("This request is too large.")
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, bytes.NewReader(raw))
	if err != nil {
		return State{}, fmt.Errorf("lab: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.secret(id))
	res, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) { // nothing listens there; any other error may be the network's
			return State{}, fmt.Errorf("%w: %w", ErrGone, err)
		}
		return State{}, fmt.Errorf("lab: %w", err)
	}
	defer res.Body.Close()
	if res.Header.Get(runHeader) != id {
		return State{}, ErrGone
	}
	limited := io.LimitReader(res.Body, maxState)
	switch res.StatusCode {
	case http.StatusOK:
		var s State
		if err := json.NewDecoder(limited).Decode(&s); err != nil {
			return State{}, fmt.Errorf("lab: the state can't be read: %w", err)
		}
		return s, nil
	case http.StatusNoContent:
		return State{}, ErrSame
	case http.StatusGone:
		return State{}, ErrGone
	}
	var said opened
	_ = json.NewDecoder(limited).Decode(&said)
	if said.Refusal != "" {
		return State{}, Refusal(said.Refusal)
	}
	return State{}, fmt.Errorf("lab: %s: %s", res.Status, said.Error)
}

// State returns the state of a run. It returns ErrSame if the state is still version seen, and ErrGone if the run has
// ended. With seen below 0, the state holds every stored event.
func (c *client) State(ctx context.Context, addr, id string, seen int64) (State, error) {
	return c.call(ctx, http.MethodGet, addr, id, "/state?seen="+strconv.FormatInt(seen, 10), nil)
}

// Do runs a control. A repeated key runs it only once. It returns a Refusal for the learner if the control can't be
// run.
func (c *client) Do(ctx context.Context, addr, id, control string, args Args, key string) (State, error) {
	return c.call(ctx, http.MethodPost, addr, id, "/do", request{Control: control, Args: args, Key: key})
}

// Step runs the guided step with this ID; guess is an option of its Expect, or -1.
func (c *client) Step(ctx context.Context, addr, id, step string, guess int, key string) (State, error) {
	return c.call(ctx, http.MethodPost, addr, id, "/step", request{Step: step, Guess: guess, Key: key})
}

// End ends a run with a reason. It returns no error if the run has ended already.
func (c *client) End(ctx context.Context, addr, id, why string) error {
	_, err := c.call(ctx, http.MethodPost, addr, id, "/end", request{Why: why})
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}
