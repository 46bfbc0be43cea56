package oidc

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
)

// tokenAnswer is a successful response (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope"`
}

// Token handles POST /oauth/token (RFC 6749 §3.2).
func (h *Handlers) Token(c echo.Context) error {
	p, client, f := h.authenticateForm(c)
	if f != nil {
		return f
	}
	if f := p.check("grant_type", "scope", "resource", "code", "redirect_uri", "code_verifier", "refresh_token"); f != nil {
		return f
	}
	q := tokenRequest{params: p, client: client, replica: replicaOf(c.Request().UserAgent())}
	grant := p.get("grant_type")
	var exchange func(echo.Context, tokenRequest) (*tokenAnswer, error)
	switch grant {
	case clients.AuthorizationCode:
		exchange = h.exchangeCode
	case clients.RefreshToken:
		exchange = h.refresh
	case clients.ClientCredentials:
		exchange = h.clientCredentials
	case "":
		return badRequest(invalidRequest, "The parameter grant_type is missing.")
	default:
		return badRequest(unsupportedGrantType, "This grant_type is not supported.")
	}
	if !client.Allows(grant) {
		return badRequest(unauthorizedClient, "This client may not use this grant_type.")
	}
	answer, err := exchange(c, q)
	if err != nil {
		return err
	}
	noStore(c.Response().Header())
	return c.JSON(http.StatusOK, answer)
}

// tokenRequest is a token request of an authenticated client.
type tokenRequest struct {
	params
	client  clients.Client
	replica string // of the client, as it names itself; "" if unknown
}

// chooseAudience returns the audience of the access token: the parameter resource, which must match the grant's
// audience bound if that is set; else bound; else the issuer (RFC 8707 §2.2).
func (q tokenRequest) chooseAudience(bound, issuer string) (string, *fault) {
	asked := q.get("resource")
	switch {
	case asked == "" && bound == "":
		return issuer, nil
	case asked == "":
		return bound, nil
	case bound != "" && asked != bound:
		return "", badRequest(invalidTarget, "This grant is for a different resource.")
	case asked != issuer && !slices.Contains(q.client.Audiences, asked):
		return "", badRequest(invalidTarget, "This client may not request tokens for that resource.")
	}
	return asked, nil
}

// portalScopes are the scopes of the portal itself: userinfo and refreshing. A token for another API does not contain
// them.
var portalScopes = []string{"openid", "profile", "email", "offline_access"}

// scopesFor returns the scopes of an access token for audience.
func scopesFor(scopes []string, audience, issuer string) []string {
	if audience == issuer {
		return scopes
	}
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return slices.Contains(portalScopes, s) })
}

// clientCredentials handles the client credentials grant (RFC 6749 §4.4): the client acts for itself, so there is no
// user, no refresh token and nothing to store.
func (h *Handlers) clientCredentials(_ echo.Context, q tokenRequest) (*tokenAnswer, error) {
	audience, f := q.chooseAudience("", h.Issuer.URL())
	if f != nil {
		return nil, f
	}
	scopes := strings.Fields(q.get("scope"))
	for _, s := range scopes {
		if !slices.Contains(q.client.Scopes, s) || slices.Contains(portalScopes, s) || s == "roles" {
			return nil, badRequest(invalidScope, "This client may not request one of these scopes for itself.")
		}
	}
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	access, err := h.Issuer.Access(tokens.Person{}, q.client.ID, audience, tokens.NewID(), scopes)
	if err != nil {
		return nil, err
	}
	return h.newTokenAnswer(access, scopes), nil
}

func (h *Handlers) newTokenAnswer(access string, scopes []string) *tokenAnswer {
	return &tokenAnswer{AccessToken: access, TokenType: "Bearer", ExpiresIn: int64(h.Issuer.AccessLifetime().Seconds()), Scope: strings.Join(scopes, " ")}
}

func tokenPerson(g store.SignInIdentity) tokens.Person {
	return tokens.Person{Subject: g.UserID, SID: g.SID, AuthTime: g.AuthTime, Name: g.Name, Email: g.Email, Roles: g.Roles}
}

// accessID returns the jti of an access token of a grant. It begins with the grant's id, so that all its tokens can
// be denied together.
func accessID(grant string) string { return grant + "." + tokens.NewID() }
