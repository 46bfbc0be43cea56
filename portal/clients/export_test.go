package clients

import (
	"context"
	"errors"
)

func (r *Registry) Refresh(ctx context.Context) error { return r.refresh(ctx) }

// CheckURI returns an error unless uri may be registered.
func CheckURI(uri string, plainHTTP bool) error {
	if what := uriFault(uri, plainHTTP); what != "" {
		return errors.New(what)
	}
	return nil
}
