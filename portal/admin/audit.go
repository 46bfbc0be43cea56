package admin

import (
	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// audit returns the change that adds an audit row about an action of me, for the transaction of that action. target
// is the current name of the target, for the time after it is deleted.
func (a *Console) audit(c echo.Context, me Admin, action, targetKind, targetID, target string, detail map[string]any) store.Change {
	return store.Audited(store.Audit{
		At: a.Now(), ActorID: me.ID, Actor: me.Email, Action: action, TargetKind: targetKind, TargetID: targetID, Target: target,
		IP: web.ClientIP(c), RequestID: web.RequestID(c), Detail: detail,
	})
}
