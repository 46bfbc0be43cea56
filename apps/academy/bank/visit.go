package bank

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// visitTime limits the duration of a visit.
const visitTime = 25 * time.Second

// Visit describes one request of a browser.
type Visit struct {
	Browser string // default: You
	Method  string // default: GET
	Path    string // default: "/account"
	Form    url.Values
	Header  http.Header
	Branch  string // ID of a branch to send to past the balancer; "" for through the balancer
	Quiet   bool   // not reported to the bench, and a new browser is not drawn: for load tests
}

// Visit sends a browser's request over HTTP, reports it to the bench unless it is quiet, and returns what came back
// with the response's body.
func (b *Bank) Visit(ctx context.Context, v Visit) (lab.Request, []byte) {
	if v.Browser == "" {
		v.Browser = You
	}
	if v.Method == "" {
		v.Method = http.MethodGet
	}
	if v.Path == "" {
		v.Path = "/account"
	}
	r := lab.Request{At: time.Now(), From: v.Browser, To: BalancerNode, Method: v.Method, Path: v.Path, Outcome: lab.Lost}
	ctx, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	res, body, err := b.send(ctx, v)
	r.Took = time.Since(r.At)
	if err != nil {
		r.Text = "No answer: the connection was lost."
	} else {
		r.Status = res.StatusCode
		read(&r, res, body)
	}
	if !v.Quiet {
		b.bench.Request(r)
	}
	return r, body
}

// send sends the request and reads up to 64 KiB of the response.
func (b *Bank) send(ctx context.Context, v Visit) (*http.Response, []byte, error) {
	browser := b.browser(v.Browser, !v.Quiet)
	client := http.Client{Transport: b.direct, Jar: browser.cookies(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if v.Branch != "" {
		br, err := b.find(v.Branch)
		if err != nil {
			return nil, nil, err
		}
		br.mu.Lock()
		ctx = context.WithValue(ctx, straightTo{}, br.addr)
		br.mu.Unlock()
		client.Transport = b.straight
	}
	var form io.Reader
	if v.Form != nil {
		form = strings.NewReader(v.Form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, v.Method, "http://"+b.host+v.Path, form)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	if v.Form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range v.Header {
		req.Header[name] = values
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	return res, body, err
}

// read fills in r from a response.
func read(r *lab.Request, res *http.Response, body []byte) {
	by := res.Header.Get(nameHeader)
	if by == "" || by == BalancerNode {
		r.Text = fmt.Sprintf("The balancer found no running branch: %d.", res.StatusCode)
		return
	}
	r.To = by
	var a Answer
	if err := json.Unmarshal(body, &a); err != nil || a.Outcome == "" {
		r.Outcome, r.Text = lab.Answered, fmt.Sprintf("%s answered %d.", label(by), res.StatusCode)
		return
	}
	r.Outcome, r.Who, r.Via, r.Text = a.Outcome, a.Who, a.Asked, a.Says
}

// Ask sends GET /account from a browser.
func (b *Bank) Ask(ctx context.Context, browser string) lab.Request {
	r, _ := b.Visit(ctx, Visit{Browser: browser})
	return r
}

// SignIn signs a user in on a browser.
func (b *Bank) SignIn(ctx context.Context, browser, name string) lab.Request {
	r, _ := b.Visit(ctx, Visit{Browser: browser, Method: http.MethodPost, Path: "/sign-in", Form: url.Values{"name": {name}}})
	return r
}

// SignOut signs a browser out.
func (b *Bank) SignOut(ctx context.Context, browser string) lab.Request {
	r, _ := b.Visit(ctx, Visit{Browser: browser, Method: http.MethodPost, Path: "/sign-out", Form: url.Values{}})
	return r
}
