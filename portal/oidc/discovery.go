package oidc

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/clients"
	"gatehouse/portal/keys"
)

// metadata is the provider's configuration document (OpenID Connect Discovery 1.0 §3, RFC 8414 §2, RFC 9207 §3,
// RP-Initiated Logout §2.1, Back-Channel Logout §2.1).
type metadata struct {
	Issuer                   string   `json:"issuer"`
	Authorization            string   `json:"authorization_endpoint"`
	Token                    string   `json:"token_endpoint"`
	Userinfo                 string   `json:"userinfo_endpoint"`
	JWKS                     string   `json:"jwks_uri"`
	Revocation               string   `json:"revocation_endpoint"`
	Introspection            string   `json:"introspection_endpoint"`
	EndSession               string   `json:"end_session_endpoint"`
	Scopes                   []string `json:"scopes_supported"`
	ResponseTypes            []string `json:"response_types_supported"`
	ResponseModes            []string `json:"response_modes_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	SubjectTypes             []string `json:"subject_types_supported"`
	IDTokenAlgs              []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	ChallengeMethods         []string `json:"code_challenge_methods_supported"`
	Prompts                  []string `json:"prompt_values_supported"`
	Claims                   []string `json:"claims_supported"`
	Locales                  []string `json:"ui_locales_supported"`
	Iss                      bool     `json:"authorization_response_iss_parameter_supported"`
	ClaimsParameter          bool     `json:"claims_parameter_supported"`
	RequestParameter         bool     `json:"request_parameter_supported"`
	RequestURIParameter      bool     `json:"request_uri_parameter_supported"`
	BackchannelLogout        bool     `json:"backchannel_logout_supported"`
	BackchannelSession       bool     `json:"backchannel_logout_session_supported"`
	BackchannelOffline       bool     `json:"gatehouse_backchannel_logout_offline_access"` // extension; read by sso/rp
}

// Discovery handles GET /.well-known/openid-configuration: it returns the provider's metadata.
func (h *Handlers) Discovery(c echo.Context) error {
	iss := h.Issuer.URL()
	authMethods := []string{clients.SecretBasic, clients.SecretPost, clients.Public}
	allowPublicCache(c, "public, max-age=300")
	return c.JSON(http.StatusOK, metadata{
		Issuer: iss, Authorization: iss + AuthorizePath, Token: iss + TokenPath, Userinfo: iss + UserinfoPath,
		JWKS: iss + JWKSPath, Revocation: iss + RevokePath, Introspection: iss + IntrospectPath, EndSession: iss + LogoutPath,
		Scopes:        h.Clients.Scopes(c.Request().Context()),
		ResponseTypes: []string{"code"}, ResponseModes: []string{"query"},
		GrantTypes:   []string{clients.AuthorizationCode, clients.RefreshToken, clients.ClientCredentials},
		SubjectTypes: []string{"public"}, IDTokenAlgs: []string{keys.RS256},
		TokenAuthMethods: authMethods, RevocationAuthMethods: authMethods,
		IntrospectionAuthMethods: []string{clients.SecretBasic, clients.SecretPost},
		ChallengeMethods:         []string{"S256"}, Prompts: []string{"none", "login", "select_account"},
		Claims:  []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "at_hash", "name", "email", "email_verified", "roles"},
		Locales: []string{"en"}, Iss: true, BackchannelLogout: true, BackchannelSession: true, BackchannelOffline: true,
	})
}

// JWKS handles GET /oauth/jwks: it returns the published keys (RFC 7517). Clients may cache them, since a new key is
// published before it signs.
func (h *Handlers) JWKS(c echo.Context) error {
	allowPublicCache(c, fmt.Sprintf("public, max-age=%d", int(keys.MaxAge.Seconds())))
	return c.Blob(http.StatusOK, "application/jwk-set+json", h.Keys.JWKS())
}

// allowPublicCache sets the Cache-Control header, and allows scripts of all origins to read the response.
func allowPublicCache(c echo.Context, cache string) {
	c.Response().Header().Set("Cache-Control", cache)
	c.Response().Header().Set(echo.HeaderAccessControlAllowOrigin, "*")
}
