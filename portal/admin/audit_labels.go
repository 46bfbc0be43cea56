package admin

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse.example/portal/store"
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

// actionLabels are the audited actions of administrators, and of users on their own accounts, in the order of the
// filter's options.
var actionLabels = labels{
	{Value: actBanned, Label: "Banned"},
	{Value: actUnbanned, Label: "Unbanned"},
	{Value: actRoles, Label: "Changed roles"},
	{Value: actEndedAll, Label: "Signed out everywhere"},
	{Value: actEndedOne, Label: "Signed out a session"},
	{Value: store.SignInFailed, Label: "Failed to sign in"},
	{Value: store.PasswordChanged, Label: "Changed the password"},
	{Value: store.EmailChanged, Label: "Changed the email"},
	{Value: "sign_in.ended", Label: "Signed out a session from the list"}, // of an earlier version
	{Value: "client.created", Label: "Created a client"},
	{Value: "client.changed", Label: "Changed a client"},
	{Value: "client.secret_rotated", Label: "Rotated a client's secret"},
	{Value: "client.disabled", Label: "Disabled a client"},
	{Value: "client.enabled", Label: "Enabled a client"},
	{Value: "key.rotated", Label: "Rotated a signing key"},
	{Value: "key.activated", Label: "Activated a signing key"},
	{Value: "key.activated_unseen", Label: "Activated a key before every server had it"},
	{Value: "key.withdrawn", Label: "Withdrew a signing key"},
	{Value: "delivery.sent_again", Label: "Resent a notice"},
	{Value: "delivery.all_sent_again", Label: "Resent all notices"},
}

// personActions are those of administrators on users.
var personActions = []string{actBanned, actUnbanned, actRoles, actEndedAll, actEndedOne}

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
	parts := make([]string, 0, len(detail))
	for _, name := range slices.Sorted(maps.Keys(detail)) {
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
			Seq: r.Seq, At: r.At, Actor: r.Actor, ActorURL: personURL(r.ActorID), Action: actionLabels.text(r.Action), Target: r.Target,
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
