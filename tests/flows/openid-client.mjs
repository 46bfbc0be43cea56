// Signs in with npm's openid-client, as its documentation shows, and prints what it got as JSON.
//   node openid-client.mjs ISSUER METHOD CLIENT_ID CLIENT_SECRET REDIRECT_URI POST_LOGOUT_URI EMAIL PASSWORD
import dns from "node:dns";
import * as client from "openid-client";

// Browsers know that *.localhost is this machine (RFC 6761 §6.3); Node asks the system, which may not.
const lookup = dns.lookup;
dns.lookup = (host, options, done) =>
  lookup(host.endsWith(".localhost") ? "127.0.0.1" : host, options, done);

const [issuer, method, clientID, secret, redirectURI, goodbyeURI, email, password] = process.argv.slice(2);

const jar = new Map();

// A browser without JavaScript, as far as this needs one: cookies by host, redirects followed until the client's site.
async function visit(url, init = {}) {
  for (let hops = 0; hops < 20; hops++) {
    const host = new URL(url).host;
    const cookies = jar.get(host) ?? new Map();
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { ...init, redirect: "manual", headers: { ...init.headers, cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      cookies.set(name, value);
    }
    jar.set(host, cookies);
    const location = answer.headers.get("location");
    if (!location) return { url, answer };
    url = new URL(location, url).href;
    if (url.startsWith(redirectURI) || url.startsWith(goodbyeURI)) return { url };
    init = {};
  }
  throw new Error("too many redirects");
}

const authentication = {
  client_secret_basic: () => client.ClientSecretBasic(secret),
  client_secret_post: () => client.ClientSecretPost(secret),
  none: () => client.None(),
}[method]();

const config = await client.discovery(new URL(issuer), clientID, undefined, authentication, {
  execute: [client.allowInsecureRequests], // plain http, on this machine only
});

const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const nonce = client.randomNonce();
const authorize = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectURI,
  scope: "openid profile email roles offline_access",
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  nonce,
});

const form = await visit(authorize.href);
if (new URL(form.url).pathname !== "/sign-in") throw new Error(`no sign-in page, but ${form.url}`);
const back = await visit(form.url, {
  method: "POST",
  body: new URLSearchParams({ email, password, return_to: new URL(form.url).searchParams.get("return_to") }),
  headers: { origin: new URL(form.url).origin },
});

const tokens = await client.authorizationCodeGrant(config, new URL(back.url), {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
  idTokenExpected: true,
});
const claims = tokens.claims();
const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
const again = await client.fetchUserInfo(config, renewed.access_token, claims.sub);

// An access token is asked about, revoked, and asked about again.
const inspect = (token) =>
  client.tokenIntrospection(config, token).then(
    (told) => ({ active: told.active, sub: told.sub, client: told.client_id, username: told.username }),
    (error) => ({ refused: error.error ?? error.cause?.find?.(() => true)?.scheme ?? error.message }),
  );
const good = await inspect(renewed.access_token);
const goodRefresh = await inspect(renewed.refresh_token);
await client.tokenRevocation(config, renewed.access_token);
const gone = await inspect(renewed.access_token);
const closed = await client.fetchUserInfo(config, renewed.access_token, claims.sub).then(
  () => "accepted",
  (error) => error.cause?.find?.(() => true)?.parameters?.error ?? error.message,
);
const end = client.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token,
  post_logout_redirect_uri: goodbyeURI,
  state: "bye",
});
const goodbye = await visit(end.href);
const late = await client.refreshTokenGrant(config, renewed.refresh_token).then(
  () => "accepted",
  (error) => error.error,
);

const revoked = await client.tokenRevocation(config, renewed.refresh_token).then(
  () => "accepted",
  (error) => error.error,
);

console.log(
  JSON.stringify({
    sub: claims.sub,
    roles: claims.roles,
    email: info.email,
    renewed: again.sub,
    goodbye: goodbye.url,
    late,
    revoked,
    good,
    goodRefresh,
    gone,
    closed,
  }),
);
