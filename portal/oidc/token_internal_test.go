package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
)

// leaving is a store in which the sign-in ends after its user was read.
type leaving struct{ Records }

func (leaving) Rotate(_ context.Context, _ string, _ time.Time, fn func(store.RefreshToken) (*store.RefreshToken, string, error)) error {
	_, _, err := fn(store.RefreshToken{ClientID: "shop", UserID: "maria", SID: "sid", Family: "family", ExpiresAt: time.Now().Add(time.Hour)})
	return err
}

func (leaving) SignInIdentity(context.Context, string, string, time.Time) (store.SignInIdentity, error) {
	return store.SignInIdentity{UserID: "maria", SID: "sid"}, nil
}

func (leaving) RecordClientSignIn(context.Context, store.SignInIdentity, string, *store.RefreshToken, time.Time) (bool, error) {
	return false, store.ErrNotFound
}

// unasked are keys with which nothing is signed.
type unasked struct{ tokens.Keys }

func (unasked) Active(string) (keys.Key, error) { return keys.Key{}, errors.New("a token was signed") }

func TestRefresh_SignInEndsMeanwhile(t *testing.T) {
	issuer, err := tokens.NewIssuer(unasked{}, "http://portal.test", tokens.Lifetimes{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	h := &Handlers{Deps: Deps{Records: leaving{}, Issuer: issuer, Now: time.Now}}
	c := echo.New().NewContext(httptest.NewRequest(http.MethodPost, TokenPath, nil), httptest.NewRecorder())
	q := tokenRequest{params: readParams(map[string][]string{"refresh_token": {tokens.NewOpaque()}}), client: clients.Client{ID: "shop"}}
	answer, err := h.refresh(c, q)
	if f := (*fault)(nil); answer != nil || !errors.As(err, &f) || f.Code != invalidGrant {
		t.Errorf("%+v, %v", answer, err)
	}
}
