package academy

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/components"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/trace"
	"gatehouse.example/web"
)

// This file is the page of the user's own sign-ins, hop by hop, from what the servers recorded (sso/trace).

// secondApp is the app that is offered for a second sign-in.
const secondApp = "shop"

// The lanes of the diagram, from the left.
const (
	laneBrowser = iota
	laneAcademy
	laneProvider
	laneOther
	lanes
)

// seenView is the page's data.
type seenView struct {
	Shell  components.Shell
	Again  string // address of another sign-in at the Academy
	Second string // address of a sign-in at the other app
	Lanes  [lanes]string
	Flows  []seenFlow // oldest first
	Both   bool       // Flows includes a sign-in at another app
}

// seenFlow is a sign-in.
type seenFlow struct {
	ID, Title string
	Ended     time.Time
	Summary   string
	Hops      []seenHop
}

// seenHop is an arrow, or a check within one party.
type seenHop struct {
	Number         int
	Kind           string
	Lane, To       int // lanes of its start and end
	Who            string
	Request        string
	Status         int
	Took           string
	Says           string
	Front, Alone   bool
	Address        string
	Replica        string
	Sent, Answered []trace.Value
}

// ownSignIn handles GET /seen: it shows the user's newest sign-ins of the last hour: one at the Academy, one at another
// app, and the one with the sign-in form.
func (a *App) ownSignIn(c echo.Context) error {
	flows, err := a.ownSignIns(c)
	if err != nil {
		return web.Unavailable(err)
	}
	v := seenView{
		Shell:  experimentShell(c, "Your own sign-in"),
		Again:  rp.SignInPath + "?" + url.Values{"again": {"1"}, "return_to": {"/seen?just=1"}}.Encode(),
		Second: a.Estate.URL(secondApp) + rp.SignInPath + "?" + url.Values{"again": {"1"}, "return_to": {"/"}}.Encode(),
	}
	chosen := chooseFlows(flows)
	other := secondApp
	for _, f := range chosen {
		if f.Client != service {
			other, v.Both = f.Client, true
		}
	}
	v.Lanes = [lanes]string{"Your browser", a.Estate.Name(service), a.Estate.Name("portal"), a.Estate.Name(other)}
	for _, f := range chosen {
		v.Flows = append(v.Flows, layOutFlow(f, v.Lanes))
	}
	return web.Render(c, http.StatusOK, seenPage(v), seenDiagram(v))
}

// recordTimeout is how long the recording of a sign-in that has just ended may take.
const recordTimeout = 500 * time.Millisecond

// ownSignIns returns the user's sign-ins of the last hour, newest first. For a browser that has just signed in
// (just=1), it waits a moment for that sign-in to be recorded.
func (a *App) ownSignIns(c echo.Context) ([]trace.Flow, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
	defer cancel()
	began := time.Now()
	for {
		flows, err := trace.LoadFlows(ctx, a.Redis, a.Estate.URL("portal"), apps.Subject(c))
		there := len(flows) > 0 && began.Sub(flows[0].Ended) < 3*time.Second
		if err != nil || c.QueryParam("just") != "1" || there || time.Since(began) > recordTimeout {
			return flows, err
		}
		select {
		case <-ctx.Done():
			return flows, nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// chooseFlows returns the newest sign-in at the Academy, the newest at another app, and the newest with a password,
// oldest first.
func chooseFlows(flows []trace.Flow) []trace.Flow {
	picks := []func(trace.Flow) bool{
		func(f trace.Flow) bool { return f.Client == service },
		func(f trace.Flow) bool { return f.Client != service },
		func(f trace.Flow) bool {
			return slices.ContainsFunc(f.Steps, func(h trace.Step) bool { return h.Kind == trace.SignInForm })
		},
	}
	var at []int
	for _, pick := range picks {
		if i := slices.IndexFunc(flows, pick); i >= 0 && !slices.Contains(at, i) {
			at = append(at, i)
		}
	}
	slices.Sort(at)
	slices.Reverse(at) // flows begins with the newest
	chosen := make([]trace.Flow, 0, len(at))
	for _, i := range at {
		// The diagram has a lane for one other app only.
		if f := flows[i]; f.Client == service || !slices.ContainsFunc(flows[:i], func(n trace.Flow) bool { return n.Client != service && n.Client != f.Client }) {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

// layOutFlow lays out a sign-in.
func layOutFlow(f trace.Flow, names [lanes]string) seenFlow {
	app := names[laneOther]
	if f.Client == service {
		app = names[laneAcademy]
	}
	out := seenFlow{ID: f.Client + "-" + fmt.Sprint(f.Ended.UnixMilli()), Title: "Sign-in at " + app, Ended: f.Ended}
	front, back := 0, 0
	for i, h := range f.Steps {
		from, to := laneOf(h.From), laneOf(h.To)
		s := seenHop{
			Number: i + 1, Kind: h.Kind, Lane: from, To: to, Who: names[from] + " → " + names[to], Status: h.Status, Took: fmt.Sprintf("%.1f ms", float64(h.Took.Microseconds())/1000),
			Says: explainHop(h, app, names[laneProvider]), Front: h.FrontChannel(), Alone: h.Internal(), Replica: h.Replica, Sent: h.Sent, Answered: h.Answer,
		}
		switch {
		case s.Alone:
			s.Who, s.Request = names[from], checkText(h.Kind)
			if h.Took == 0 {
				s.Took = ""
			}
			s.Status = 0
		case s.Front:
			front++
		default:
			back++
		}
		if !s.Alone {
			s.Request = h.Method + " " + urlPath(h.Address)
			s.Address = h.Method + " " + h.Address
		}
		out.Hops = append(out.Hops, s)
	}
	took := f.Steps[len(f.Steps)-1].At.Add(f.Steps[len(f.Steps)-1].Took).Sub(f.Steps[0].At)
	out.Summary = fmt.Sprintf("%s through your browser, %s from server to server. %s in total.",
		components.Plural(front, "hop", "hops"), components.Plural(back, "hop", "hops"), durationText(took))
	if slices.ContainsFunc(f.Steps, func(h trace.Step) bool { return h.Kind == trace.SignInForm }) {
		out.Title += ", with the password"
	} else {
		out.Title += ", without a prompt"
	}
	return out
}

// checkText returns the text of a check within one party.
func checkText(kind string) string {
	if kind == trace.Redeemed {
		return "checks the code"
	}
	return "checks the ID token"
}

func durationText(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f seconds", d.Seconds())
}

func laneOf(party string) int {
	switch party {
	case trace.Browser:
		return laneBrowser
	case trace.Provider:
		return laneProvider
	case service:
		return laneAcademy
	}
	return laneOther
}

func urlPath(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Path == "" {
		return "/"
	}
	return u.Path
}

// explainHop returns the text that explains a hop and its result.
func explainHop(h trace.Step, app, provider string) string {
	leads := func(part string) bool {
		return slices.ContainsFunc(h.Answer, func(v trace.Value) bool { return v.Name == "Location" && strings.HasSuffix(v.Text, part) })
	}
	has := func(name string) bool {
		return slices.ContainsFunc(h.Answer, func(v trace.Value) bool { return v.In == trace.InLocation && v.Name == name })
	}
	switch h.Kind {
	case trace.Started:
		return app + " needs to know who you are. It generates a state, a nonce and a code_verifier, stores them, and sends your browser to the provider with the state, the nonce and the hash of the verifier."
	case trace.Authorize:
		switch {
		case has("code"):
			return provider + " already has a session with your browser. It asks for nothing, and sends your browser back with a code and the same state."
		case has("error"):
			return provider + " sends your browser back with an error."
		case leads("/sign-in"):
			return provider + " has no session with your browser, so it shows its sign-in page. The request waits there."
		}
		return provider + " checks the request: which client asks, which redirect URI is allowed, and which scopes are requested."
	case trace.SignInPage:
		return "The sign-in page. Only the provider ever sees a password."
	case trace.SignInForm:
		if h.Status == http.StatusSeeOther {
			return "Your password was correct. " + provider + " starts a session with your browser and continues with the waiting request."
		}
		return "The form was rejected and shown again."
	case trace.Callback:
		return "Your browser delivers the code. The state must be the one that this browser started with. The response comes only after the next hops: a session cookie for " + app + ", and a redirect to your page."
	case trace.Token:
		return app + " exchanges the code for tokens, without your browser. It sends its client secret and the code_verifier, whose hash " + provider + " already has."
	case trace.Redeemed:
		return provider + " checks all of it before it issues tokens. The code can't be used again."
	case trace.Userinfo:
		return app + " asks for your name and email, which the ID token left out."
	case trace.Verified:
		return app + " checks the ID token: signature, issuer, audience, nonce, time. Then it starts its own session with your browser."
	}
	return ""
}
