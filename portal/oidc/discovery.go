package oidc

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/keys"
)

// Discovery handles GET /.well-known/openid-configuration: it returns the provider's metadata (OpenID Connect
// Discovery 1.0 §3, RFC 8414 §2, RFC 9207 §3, RP-Initiated Logout §2.1, Back-Channel Logout §2.1).
func (h *Handlers) Discovery(c echo.Context) error {
	iss := h.Issuer.URL()
	authMethods := []string{clients.SecretBasic, clients.SecretPost, clients.Public}
	allowPublicCache(c, "public, max-age=300")
	return c.JSON(http.StatusOK, map[string]any{
		"issuer":                                        iss,
		"authorization_endpoint":                        iss + AuthorizePath,
		"token_endpoint":                                iss + TokenPath,
		"userinfo_endpoint":                             iss + UserinfoPath,
		"jwks_uri":                                      iss + JWKSPath,
		"revocation_endpoint":                           iss + RevokePath,
		"introspection_endpoint":                        iss + IntrospectPath,
		"end_session_endpoint":                          iss + LogoutPath,
		"scopes_supported":                              h.Clients.Scopes(c.Request().Context()),
		"response_types_supported":                      []string{"code"},
		"response_modes_supported":                      []string{"query"},
		"grant_types_supported":                         []string{clients.AuthorizationCode, clients.RefreshToken, clients.ClientCredentials},
		"subject_types_supported":                       []string{"public"},
		"id_token_signing_alg_values_supported":         []string{keys.RS256},
		"token_endpoint_auth_methods_supported":         authMethods,
		"revocation_endpoint_auth_methods_supported":    authMethods,
		"introspection_endpoint_auth_methods_supported": []string{clients.SecretBasic, clients.SecretPost},
		"code_challenge_methods_supported":              []string{"S256"},
		"prompt_values_supported":                       []string{"none", "login", "select_account"},
		"claims_supported": []string{
			"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "at_hash", "name", "email", "email_verified", "roles",
		},
		"ui_locales_supported":                           []string{"en"},
		"authorization_response_iss_parameter_supported": true,
		"claims_parameter_supported":                     false,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"backchannel_logout_supported":                   true,
		"backchannel_logout_session_supported":           true,
		"gatehouse_backchannel_logout_offline_access":    true, // extension; read by sso/rp
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
