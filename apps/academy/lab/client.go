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
	"time"
)

// client talks to lab processes, of this replica and of others.
type client struct {
	key  []byte // from which each run's secret is made, the same for all replicas
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

// runHeader names, in each answer of a control API to whoever knows its secret, the run.
// A run that is no more may have left its address to any other server, and what that
// says is nothing about the run.
const runHeader = "Gatehouse-Run"

// secret is what opens the control API of one run. It is derived, so that any replica
// knows it and none has to keep it.
func (c *client) secret(id string) string {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte("lab:" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// maxState is how large an answer of a lab process may be.
const maxState = 8 << 20

// call asks a run. ErrGone when nobody answers at its address.
func (c *client) call(ctx context.Context, method, addr, id, path string, body any) (State, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return State{}, fmt.Errorf("lab: %w", err)
	}
	if len(raw) > maxBody {
		return State{}, Refusal("That is more than an experiment can take.")
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, bytes.NewReader(raw))
	if err != nil {
		return State{}, fmt.Errorf("lab: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.secret(id))
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return State{}, fmt.Errorf("lab: %w", err)
		}
		return State{}, fmt.Errorf("%w: %w", ErrGone, err)
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

// State is what a run shows: ErrSame when that is still version seen, ErrGone when it is
// no more. With seen below 0 it holds every event that is kept.
func (c *client) State(ctx context.Context, addr, id string, seen int64) (State, error) {
	return c.call(ctx, http.MethodGet, addr, id, "/state?seen="+strconv.FormatInt(seen, 10), nil)
}

// Do carries out a control. The same key twice does it once. A Refusal is for the learner.
func (c *client) Do(ctx context.Context, addr, id, control string, args Args, key string) (State, error) {
	return c.call(ctx, http.MethodPost, addr, id, "/do", request{Control: control, Args: args, Key: key})
}

// Step carries out the guided step of this ID; guess is an option of its Expect, or -1.
func (c *client) Step(ctx context.Context, addr, id, step string, guess int, key string) (State, error) {
	return c.call(ctx, http.MethodPost, addr, id, "/step", request{Step: step, Guess: guess, Key: key})
}

// End ends a run and says why. One that is over already is no error.
func (c *client) End(ctx context.Context, addr, id, why string) error {
	_, err := c.call(ctx, http.MethodPost, addr, id, "/end", request{Why: why})
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}
