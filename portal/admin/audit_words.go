package admin

import (
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"gatehouse/portal/store"
)

// Codes of the actions on users in the audit. Other pages of the console have codes of their own.
const (
	kindPerson = "user"

	actBanned   = "person.banned"
	actUnbanned = "person.unbanned"
	actRoles    = "person.roles_changed"
	actEndedAll = "person.sign_ins_ended"
	actEndedOne = "person.sign_in_ended"
)

// actions are the audited actions of administrators, and of users on their own accounts, in the order of the
// filter's options.
var actions = []struct{ code, words string }{
	{actBanned, "Banned"},
	{actUnbanned, "Unbanned"},
	{actRoles, "Changed roles"},
	{actEndedAll, "Signed out everywhere"},
	{actEndedOne, "Signed out a session"},
	{store.SignInFailed, "Failed to sign in"},
	{store.PasswordChanged, "Changed the password"},
	{store.EmailChanged, "Changed the email"},
	{"sign_in.ended", "Signed out a session from the list"}, // of an earlier version
	{"client.created", "Created a client"},
	{"client.changed", "Changed a client"},
	{"client.secret_rotated", "Rotated a client's secret"},
	{"client.disabled", "Disabled a client"},
	{"client.enabled", "Enabled a client"},
	{"key.rotated", "Rotated a signing key"},
	{"key.activated", "Activated a signing key"},
	{"key.activated_unseen", "Activated a key before every server had it"},
	{"key.withdrawn", "Withdrew a signing key"},
	{"delivery.sent_again", "Resent a notice"},
	{"delivery.all_sent_again", "Resent all notices"},
}

// personActions are those of administrators on users.
var personActions = []string{actBanned, actUnbanned, actRoles, actEndedAll, actEndedOne}

// actionName returns the label of an action, or the code itself if it is unknown.
func actionName(code string) string {
	for _, a := range actions {
		if a.code == code {
			return a.words
		}
	}
	return code
}

// targetURL returns the page of an audit row's target, "" if it has none.
func targetURL(kind, id string) string {
	switch kind {
	case kindPerson:
		return personURL(id)
	case "client":
		return "/admin/clients/" + url.PathEscape(id)
	}
	return ""
}

// detailText formats the details of a row in one line: "reason: spam · until: 1 Dec 2026, 00:00 UTC".
func detailText(detail map[string]any) string {
	names := make([]string, 0, len(detail))
	for name := range detail {
		names = append(names, name)
	}
	sort.Strings(names)
	parts := make([]string, 0, len(names))
	for _, name := range names {
		if text := valueText(detail[name]); text != "" {
			parts = append(parts, strings.ReplaceAll(name, "_", " ")+": "+text)
		}
	}
	return strings.Join(parts, " · ")
}

func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t.UTC().Format("2 Jan 2006, 15:04 UTC")
		}
		return v
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = valueText(item)
		}
		return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
	case map[string]any:
		if text, ok := changeText(v); ok {
			return text
		}
		return "(" + detailText(v) + ")"
	default:
		return fmt.Sprint(v)
	}
}

// changeText formats the change of a field, {from, to}. ok is false if v is not such a change.
func changeText(v map[string]any) (text string, ok bool) {
	from, wasText := v["from"].(string)
	to, isText := v["to"].(string)
	if len(v) != 2 || !wasText || !isText {
		return "", false
	}
	lines := strings.NewReplacer("\r", "", "\n", ", ")
	from, to = lines.Replace(strings.TrimSpace(from)), lines.Replace(strings.TrimSpace(to))
	switch {
	case from == "":
		return to, true
	case to == "":
		return from + " → nothing", true
	}
	return from + " → " + to, true
}

func auditRowsOf(rows []store.Audit) []auditRow {
	list := make([]auditRow, len(rows))
	for i, r := range rows {
		list[i] = auditRow{
			Seq: r.Seq, At: r.At, Actor: r.Actor, ActorURL: personURL(r.ActorID), Action: actionName(r.Action), Target: r.Target,
			TargetURL: targetURL(r.TargetKind, r.TargetID), Kind: r.TargetKind, IP: r.IP, RequestID: r.RequestID, Detail: detailText(r.Detail),
		}
		if r.ActorID == "" {
			list[i].Actor, list[i].ActorURL = "Not signed in", ""
		}
		if list[i].Target == "" {
			list[i].Target = r.TargetID
		}
	}
	return list
}
