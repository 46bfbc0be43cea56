package admin

import (
	"github.com/labstack/echo/v4"

	"gatehouse/portal/store"
	"gatehouse/web"
)

// audit is the row of the audit about what me does: it belongs into the transaction of the act. target is what the
// thing is called now, for the time when it is gone.
func (a *Console) audit(c echo.Context, me Admin, action, targetKind, targetID, target string, detail map[string]any) store.Change {
	return store.Audited(store.Audit{
		At: a.Now(), ActorID: me.ID, Actor: me.Email, Action: action, TargetKind: targetKind, TargetID: targetID, Target: target,
		IP: web.ClientIP(c), RequestID: web.RequestID(c), Detail: detail,
	})
}
