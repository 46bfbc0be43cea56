package emails

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"gatehouse.example/apps/academy/experiments/emails/store"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/db"
)

// look is the result of look-ups of one kind.
type look struct {
	name   string // prefix of its findings
	label  string // of its row in the table
	sql    string
	plan   string
	median time.Duration
	count  int // look-ups
}

// median looks up random emails: up to most of them within the time budget, but at least three. It returns the median
// time and the number of look-ups.
func (a *apparatus) median(ctx context.Context, how store.Lookup, rows, most int, budget time.Duration) (time.Duration, int, error) {
	var took []time.Duration
	for began := time.Now(); len(took) < most && (len(took) < 3 || time.Since(began) < budget); {
		email := store.Email(rand.IntN(rows) + 1)
		if how == store.Folded {
			email = strings.ToLower(email)
		}
		found, one, err := a.store.Find(ctx, how, email)
		if err != nil {
			return 0, 0, err
		}
		if len(found) == 0 {
			return 0, 0, fmt.Errorf("emails: %s was not found", email)
		}
		took = append(took, one)
	}
	slices.Sort(took)
	return took[len(took)/2], len(took), nil
}

// look looks up emails, gets the query plan, and stores and logs both.
func (a *apparatus) look(ctx context.Context, how string) error {
	l := a.kindOf(how)
	query := store.Exact
	if how == folded {
		query = store.Folded
	}
	rows := a.size()
	var err error
	if l.median, l.count, err = a.median(ctx, query, rows, 51, time.Second); err != nil {
		return err
	}
	email := store.Email(rand.IntN(rows) + 1)
	if how == folded {
		email = strings.ToLower(email)
	}
	if l.plan, err = a.store.Plan(ctx, query, email); err != nil {
		return err
	}
	l.sql = string(query)
	a.mu.Lock()
	a.looks = append(slices.DeleteFunc(a.looks, func(o look) bool { return o.name == l.name }), l)
	a.mu.Unlock()
	a.findLook(l)
	a.bench.Log(lab.Note, "%s: %s, the median of %d look-ups. The plan: %s", l.label, millis(l.median), l.count, clip(headline(l.plan)))
	if how == folded {
		return a.spelling(ctx)
	}
	return nil
}

// kindOf returns the kind of a look-up with the current indexes.
func (a *apparatus) kindOf(how string) look {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case how == folded && (a.indexes[lower] || a.indexes[unique]):
		return look{name: "lower-with-index", label: "LOWER(email) = ?, with an index on LOWER(email)"}
	case how == folded && a.indexes[plain]:
		return look{name: "lower", label: "LOWER(email) = ?, with an index on email"}
	case how == folded:
		return look{name: "lower", label: "LOWER(email) = ?, without an index"}
	case a.indexes[plain]:
		return look{name: "with-index", label: "email = ?, with an index on email"}
	}
	return look{name: "without-index", label: "email = ?, without an index on email"}
}

// plans maps the names of look-ups to the names of their plan findings.
var plans = map[string]string{
	"without-index": "plan-without", "with-index": "plan-with", "lower": "lower-plan", "lower-with-index": "lower-plan-with",
}

func (a *apparatus) findLook(l look) {
	a.bench.Find(l.name+"-ms", lab.Finding{Label: l.label, Text: millis(l.median), Value: ms(l.median), Unit: "ms"})
	a.bench.Find(plans[l.name], lab.Finding{Label: "Plan of " + l.label, Text: headline(l.plan)})
	f := a.bench.Findings()
	for _, r := range []struct{ name, label, slow, quick string }{
		{"ratio", "Without the index it takes", "without-index-ms", "with-index-ms"},
		{"lower-ratio", "LOWER without its index takes", "lower-ms", "lower-with-index-ms"},
	} {
		if f.Value(r.slow) > 0 && f.Value(r.quick) > 0 && (l.name+"-ms" == r.slow || l.name+"-ms" == r.quick) {
			times := f.Value(r.slow) / f.Value(r.quick)
			a.bench.Find(r.name, lab.Finding{Label: r.label, Text: times1(times), Value: times, Unit: "times"})
		}
	}
}

// spelling looks up an email in small letters that was stored with a capital letter, with = and with LOWER, and
// stores how many accounts each finds.
func (a *apparatus) spelling(ctx context.Context) error {
	stored := store.Email(10)
	typed := strings.ToLower(stored)
	same, _, err := a.store.Find(ctx, store.Exact, typed)
	if err != nil {
		return err
	}
	any, _, err := a.store.Find(ctx, store.Folded, typed)
	if err != nil {
		return err
	}
	a.bench.Find("found-exact", lab.Finding{Label: "Accounts found by email = " + typed, Text: fmt.Sprint(len(same)), Value: float64(len(same))})
	a.bench.Find("found-lower", lab.Finding{Label: "Accounts found by LOWER(email) = " + typed, Text: fmt.Sprint(len(any)), Value: float64(len(any))})
	a.bench.Log(lab.Note, "%s signed up like this. Asked for %s, email = ? finds %d, LOWER(email) = ? finds %d.", stored, typed, len(same), len(any))
	return nil
}

var indexes = map[string]store.Index{plain: store.Plain, lower: store.Lower, unique: store.Unique}

// makeIndex makes an index and, if again, looks up emails with it.
func (a *apparatus) makeIndex(ctx context.Context, which string, again bool) error {
	i, known := indexes[which]
	if !known || which == unique {
		return lab.Refusal("There is no such index to make.")
	}
	if err := a.putIndex(ctx, which, i); err != nil {
		return err
	}
	switch {
	case !again:
		return nil
	case which == lower:
		return a.look(ctx, folded)
	}
	return a.look(ctx, exact)
}

func (a *apparatus) putIndex(ctx context.Context, which string, i store.Index) error {
	if err := a.store.DropIndex(ctx, i); err != nil {
		return err
	}
	took, bytes, err := a.store.MakeIndex(ctx, i)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.indexes[which] = true
	a.mu.Unlock()
	name := "index"
	if which != plain {
		name = which + "-index"
	}
	a.bench.Find(name+"-made-ms", lab.Finding{Label: "Making " + i.Name, Text: millis(took), Value: ms(took), Unit: "ms"})
	a.bench.Find(name+"-size", lab.Finding{Label: i.Name + " on the disk", Text: size(bytes), Value: float64(bytes), Unit: "bytes"})
	a.bench.Log(lab.Good, "%s: made in %s, %s on the disk.", i.SQL, millis(took), size(bytes))
	return nil
}

func (a *apparatus) dropIndex(ctx context.Context, which string) error {
	i, known := indexes[which]
	if !known {
		return lab.Refusal("There is no such index to drop.")
	}
	dropped := []string{which}
	if which == lower {
		dropped = append(dropped, unique) // also on LOWER(email)
	}
	for _, name := range dropped {
		if err := a.store.DropIndex(ctx, indexes[name]); err != nil {
			return err
		}
		a.mu.Lock()
		delete(a.indexes, name)
		a.mu.Unlock()
	}
	a.bench.Log(lab.Note, "%s is dropped.", i.Name)
	return nil
}

// taken is the number of the user whose email is registered a second time.
const taken = 7

func capitals() string { return strings.ToUpper(store.Email(taken)) }

// register registers an existing email in capital letters.
func (a *apparatus) register(ctx context.Context) error {
	_, err := a.signUp(ctx)
	return err
}

// signUp registers the email and reports whether the database accepted it.
func (a *apparatus) signUp(ctx context.Context) (bool, error) {
	err := a.store.Register(ctx, capitals(), "Second account")
	if db.IsUnique(err) {
		a.bench.Find("duplicate-refused", lab.Finding{Label: "Second accounts that the database refused", Text: "1", Value: 1})
		a.bench.Log(lab.Good, "The database refuses %s: %s", capitals(), clip(reason(err)))
		return false, nil
	}
	if err != nil {
		return false, err
	}
	both, _, err := a.store.Find(ctx, store.Folded, strings.ToLower(capitals()))
	if err != nil {
		return false, err
	}
	a.bench.Find("duplicates", lab.Finding{Label: "Accounts with the email " + strings.ToLower(capitals()), Text: fmt.Sprint(len(both)), Value: float64(len(both))})
	a.bench.Log(lab.Bad, "%s is signed up, beside %s: %d accounts of one mailbox.", capitals(), store.Email(taken), len(both))
	return true, nil
}

// protect makes the unique index, after removing second accounts if they prevent it, and registers the email again.
func (a *apparatus) protect(ctx context.Context) error {
	err := a.putIndex(ctx, unique, store.Unique)
	if db.IsUnique(err) {
		a.bench.Log(lab.Bad, "The unique index can't be made: %s", clip(reason(err)))
		gone, err := a.store.RemoveAfter(ctx, a.size())
		if err != nil {
			return err
		}
		a.bench.Log(lab.Note, "Second accounts are removed: %d. A real estate has to ask their owners.", gone)
		if err := a.putIndex(ctx, unique, store.Unique); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	_, err = a.signUp(ctx)
	return err
}

// reason returns the text of the innermost error, which is the database's.
func reason(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
