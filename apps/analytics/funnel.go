package analytics

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/analytics/chart"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// funnelNames names the steps of store.Funnel.
var funnelNames = [store.FunnelSteps]string{"Signed in", "Opened the shop", "Filled a cart", "Ordered"}

// funnelView is the data of the page from sign-in to order.
type funnelView struct {
	shell   components.Shell
	query   query
	lead    string
	periods []components.NavItem
	steps   []funnelStep
	chart   templ.Component
	cutDays int // the period is cut to so many days, because older raw events are deleted; 0: it is whole
	fault   string
}

// funnelStep is a step with the people who reached it, and their share of the step before and of the first step.
type funnelStep struct {
	name            string
	people          int64
	ofBefore, ofAll string
}

// funnelPage handles GET /funnel?range=…|from=…&to=…. An invalid period gives 422 with a message.
func (a *App) funnelPage(c echo.Context) error {
	q, err := a.readQuery(c.QueryParams())
	wrong, faulty := queryFault(err)
	if err != nil && !faulty {
		return err
	}
	v := funnelView{query: q, periods: q.periodChoices("/funnel", faulty)}
	status := http.StatusOK
	if faulty {
		status, v.fault = http.StatusUnprocessableEntity, wrong.Message
	} else if err := a.setFunnel(c.Request().Context(), &v); err != nil {
		return err
	}
	if v.shell, err = a.shell(c, "Funnel"); err != nil {
		return err
	}
	return web.Render(c, status, v.page())
}

func (a *App) setFunnel(ctx context.Context, v *funnelView) error {
	now, p := a.Now().UTC(), v.query.period
	v.lead = p.Description(now)
	from := p.From
	if oldest := now.Add(-a.Retention.Raw); from.Before(oldest) {
		from, v.cutDays = oldest, int(a.Retention.Raw/period.Day)
	}
	people, err := a.loadFunnel(ctx, from, p.To)
	if err != nil {
		return err
	}
	ranking := chart.Ranking{ID: "funnel", Title: "From sign-in to order", Desc: v.lead + ".", EmptyText: "No sign-ins in this period"}
	for i, n := range people {
		s := funnelStep{name: funnelNames[i], people: n, ofBefore: "–", ofAll: percent(n, people[0])}
		text := components.Count(n)
		if i > 0 {
			s.ofBefore = percent(n, people[i-1])
			text += " · " + s.ofBefore
		}
		v.steps = append(v.steps, s)
		ranking.Items = append(ranking.Items, chart.Item{Name: s.name, Value: float64(n), Text: text})
		ranking.Desc += fmt.Sprintf(" %s: %s.", s.name, text)
	}
	if people[0] == 0 {
		ranking.Items = nil
	}
	v.chart = ranking.Draw()
	return nil
}

// loadFunnel returns the people of each step. Concurrent calls for the same minute share one query, as in load.
func (a *App) loadFunnel(ctx context.Context, from, to time.Time) ([store.FunnelSteps]int64, error) {
	key := fmt.Sprint("funnel", from.Unix()/60, to.UnixMilli())
	loaded := a.loads.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		return a.store.Funnel(ctx, from, to)
	})
	select {
	case <-ctx.Done():
		return [store.FunnelSteps]int64{}, ctx.Err()
	case r := <-loaded:
		people, _ := r.Val.([store.FunnelSteps]int64)
		return people, r.Err
	}
}

// percent returns part as a percentage of whole, or "–" if whole is 0.
func percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	share := 100 * float64(part) / float64(whole)
	if share > 0 && share < 10 {
		return fmt.Sprintf("%.1f%%", share)
	}
	return fmt.Sprintf("%.0f%%", share)
}
