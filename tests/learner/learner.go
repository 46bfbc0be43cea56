package learner

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gatehouse.example/tests/estate"
)

// Learner is a signed-in browser.
type Learner struct {
	Browser *http.Client
	Estate  *estate.Estate
	// Asked, if given, is called with the time of each request.
	Asked func(method string, took time.Duration)
}

// Page is a response.
type Page struct {
	Status int
	URL    *url.URL // after redirects
	Body   string
}

// New registers a new account at the portal, from the address 127.0.1.n, and opens the Academy with it. It returns an
// error if the account is not signed in there.
func New(ctx context.Context, e *estate.Estate, n int) (*Learner, error) {
	l := &Learner{Browser: estate.BrowserAt(fmt.Sprintf("127.0.1.%d", n)), Estate: e}
	l.Browser.Timeout = time.Minute
	if _, err := l.request(ctx, http.MethodPost, e.URL("portal")+"/register", url.Values{
		"name": {fmt.Sprintf("Learner %d", n)}, "email": {fmt.Sprintf("learner%d@example.com", n)},
		"password": {"nine grey herons at dawn"},
	}); err != nil {
		return nil, err
	}
	p, err := l.Get(ctx, "/experiments")
	if err != nil {
		return nil, err
	}
	if !strings.Contains(p.Body, "Sign out") { // a guest's page: request one that requires a sign-in
		if p, err = l.Get(ctx, "/rooms"); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(p.Body, "Sign out") {
		return nil, fmt.Errorf("learner %d is not signed in: %d at %s", n, p.Status, p.URL)
	}
	return l, nil
}

// Get asks the Academy for a page.
func (l *Learner) Get(ctx context.Context, path string) (Page, error) {
	return l.request(ctx, http.MethodGet, l.Estate.URL("academy")+path, nil)
}

// Post sends a form to the Academy.
func (l *Learner) Post(ctx context.Context, path string, form url.Values) (Page, error) {
	return l.request(ctx, http.MethodPost, l.Estate.URL("academy")+path, form)
}

func (l *Learner) request(ctx context.Context, method, address string, form url.Values) (Page, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return Page{}, err
	}
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	began := time.Now()
	res, err := l.Browser.Do(req)
	if err != nil {
		return Page{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if l.Asked != nil {
		l.Asked(method, time.Since(began))
	}
	return Page{Status: res.StatusCode, URL: res.Request.URL, Body: string(text)}, err
}

// Start starts the guided path of an experiment and returns the run's path. It retries while the Academy answers 503.
func (l *Learner) Start(ctx context.Context, experiment string) (run string, err error) {
	p, err := l.Post(ctx, "/experiments/"+experiment+"/runs", url.Values{"mode": {"guided"}})
	for err == nil && p.Status == http.StatusServiceUnavailable && ctx.Err() == nil { // busy: try again
		p, err = l.Post(ctx, "/experiments/"+experiment+"/runs", url.Values{"mode": {"guided"}})
	}
	if err != nil {
		return "", err
	}
	if p.Status != http.StatusOK || !strings.HasPrefix(p.URL.Path, "/runs/") {
		return "", fmt.Errorf("starting %s: %d at %s%s", experiment, p.Status, p.URL, p.Fault())
	}
	return p.URL.Path, nil
}

var (
	current  = regexp.MustCompile(`data-step="([^"]+)" data-step-state="([^"]+)"`)
	finding  = regexp.MustCompile(`data-finding="([^"]+)"[^>]*data-value="([^"]*)"`)
	faulty   = regexp.MustCompile(`(?s)data-fault[^>]*>(.*?)</(?:p|div)>`)
	markup   = regexp.MustCompile(`<[^>]*>`)
	runState = regexp.MustCompile(`data-run-state="([^"]+)"`)
)

// Step returns the id and state of the current guided step, or "" at the end of the path.
func (p Page) Step() (id, state string) {
	for _, m := range current.FindAllStringSubmatch(p.Body, -1) {
		if m[2] != "done" && m[2] != "later" {
			return html.UnescapeString(m[1]), m[2]
		}
	}
	return "", ""
}

// StepsDone returns the number of guided steps that are done.
func (p Page) StepsDone() int { return strings.Count(p.Body, `data-step-state="done"`) }

// RunState returns the state of the run, such as "ended", or "" if the page shows none.
func (p Page) RunState() string {
	if m := runState.FindStringSubmatch(p.Body); m != nil {
		return m[1]
	}
	return ""
}

// Findings returns the values that the page shows, by name.
func (p Page) Findings() map[string]string {
	found := map[string]string{}
	for _, m := range finding.FindAllStringSubmatch(p.Body, -1) {
		found[m[1]] = m[2]
	}
	return found
}

// Fault returns the page's error message, after a colon, or "" if there is none.
func (p Page) Fault() string {
	if m := faulty.FindStringSubmatch(p.Body); m != nil {
		return ": " + strings.Join(strings.Fields(markup.ReplaceAllString(m[1], " ")), " ")
	}
	return ""
}

// Do carries out the current step of a run and waits until the next one is shown, without a timeout of its own. done
// reports that there is no next one.
func (l *Learner) Do(ctx context.Context, run string) (p Page, done bool, err error) {
	if p, err = l.Get(ctx, run); err != nil {
		return p, false, err
	}
	step, _ := p.Step()
	if step == "" {
		return p, p.RunState() != "ended" && p.StepsDone() > 0, nil
	}
	if p, err = l.Post(ctx, run+"/step", url.Values{"step": {step}, "guess": {"0"}}); err != nil {
		return p, false, err
	}
	for {
		if p.Status != http.StatusOK {
			return p, false, fmt.Errorf("step %s of %s: %d%s", step, run, p.Status, p.Fault())
		}
		now, _ := p.Step()
		switch {
		case p.RunState() == "ended":
			return p, false, fmt.Errorf("step %s of %s: the run has ended", step, run)
		case now == "":
			return p, true, nil
		case now != step:
			return p, false, nil
		}
		select {
		case <-ctx.Done():
			return p, false, fmt.Errorf("step %s of %s: %w", step, run, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
		if p, err = l.Get(ctx, run); err != nil {
			return p, false, err
		}
	}
}
