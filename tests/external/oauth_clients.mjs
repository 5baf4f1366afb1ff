// npm oauth4webapi (a certified FAPI 2.0 client) and openid-client as strict clients of our token endpoint.
// Arguments: issuer, redirect URI, login name, facility's client id and facility code, its private keys (a JWK set).
// Prints what each step came to, as JSON; a step that a client refuses ends the script.
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { importJWK } from "jose";

const [issuer, redirectUri, subject, clientId, jwks] = process.argv.slice(2);
const insecure = { [oauth.allowInsecureRequests]: true };
const app = { client_id: "ehb-mobile" };
const graphql = new URL(`${issuer}/graphql`);
const json = new Headers({ "Content-Type": "application/json" });
const found = {};

const as = await oauth.processDiscoveryResponse(
  new URL(issuer),
  await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...insecure }),
);
found.discovery = as;

// The browser's part: our login, the form of the stand-in eID, our callback, the app's redirect URI.
async function loggedIn(location) {
  const next = (answer) => new URL(answer.headers.get("location"));
  const begun = await fetch(location, { redirect: "manual" });
  const cookie = begun.headers.get("set-cookie").split(";")[0];
  const form = new URLSearchParams({ sub: subject });
  const back = await fetch(next(begun), { method: "POST", body: form, redirect: "manual" });
  return next(await fetch(next(back), { redirect: "manual", headers: { cookie } }));
}

async function authorized(dpopKey) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(as.authorization_endpoint);
  url.searchParams.set("client_id", app.client_id);
  url.searchParams.set("redirect_uri", redirectUri);
  url.searchParams.set("response_type", "code");
  url.searchParams.set("code_challenge", await oauth.calculatePKCECodeChallenge(verifier));
  url.searchParams.set("code_challenge_method", "S256");
  url.searchParams.set("state", state);
  const dpop = dpopKey ? oauth.DPoP(app, dpopKey) : undefined;
  if (dpop) url.searchParams.set("dpop_jkt", await dpop.calculateThumbprint());
  const answer = await loggedIn(url);
  return { answer, state, verifier, options: { DPoP: dpop, ...insecure } };
}

async function tokens({ answer, state, verifier, options }) {
  const parameters = oauth.validateAuthResponse(as, app, answer, state);
  const response = await oauth.authorizationCodeGrantRequest(
    as, app, oauth.None(), parameters, redirectUri, verifier, options,
  );
  return oauth.processAuthorizationCodeResponse(as, app, response);
}

async function asked(token, options) {
  const body = JSON.stringify({ query: "{ me { kind } }" });
  try {
    const answer = await oauth.protectedResourceRequest(token, "POST", graphql, json, body, options);
    return (await answer.json()).data.me.kind;
  } catch (error) {
    return error.cause?.map?.((one) => `${one.scheme} ${one.parameters.error ?? "-"}`) ?? Promise.reject(error);
  }
}

async function walked(dpopKey) {
  const login = await authorized(dpopKey);
  const first = await tokens(login);
  const refreshed = await oauth.processRefreshTokenResponse(
    as, app,
    await oauth.refreshTokenGrantRequest(as, app, oauth.None(), first.refresh_token, login.options),
  );
  const kind = await asked(refreshed.access_token, login.options);
  const bare = await asked(refreshed.access_token, insecure);
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(as, app, oauth.None(), refreshed.refresh_token, insecure),
  );
  return { type: refreshed.token_type, kind, bare, revoked: await asked(refreshed.access_token, login.options) };
}

found.bearer = await walked(null);
found.dpop = await walked(await oauth.generateKeyPair("ES256"));

// RFC 9207: a client that is told another issuer, or none, stops.
for (const [name, change] of [["wrong", (u) => u.searchParams.set("iss", "https://evil.test")],
                              ["missing", (u) => u.searchParams.delete("iss")]]) {
  const { answer, state } = await authorized(null);
  change(answer);
  try {
    oauth.validateAuthResponse(as, app, answer, state);
    found[`iss ${name}`] = "accepted";
  } catch {
    found[`iss ${name}`] = "refused";
  }
}

// Facilities: SMART Backend Services with each algorithm, with and without DPoP.
found.facilities = {};
for (const jwk of JSON.parse(jwks).keys) {
  const client = { client_id: clientId };
  const authentication = oauth.PrivateKeyJwt({ key: await importJWK(jwk, jwk.alg), kid: jwk.kid });
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));
  for (const options of [insecure, { DPoP, ...insecure }]) {
    const wanted = new URLSearchParams({ scope: "system/*.c" });
    const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, wanted, options);
    const granted = await oauth.processClientCredentialsResponse(as, client, response);
    const kind = await asked(granted.access_token, options);
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, authentication, granted.access_token, insecure),
    );
    found.facilities[`${jwk.alg} ${granted.token_type}`] = {
      kind, expires: granted.expires_in, scope: granted.scope, revoked: await asked(granted.access_token, options),
    };
  }
}

// openid-client: one facility by its own discovery, then a clinician's token exchanged (RFC 8693).
const [jwk] = JSON.parse(jwks).keys;
const config = await openid.discovery(
  new URL(issuer), clientId, undefined, openid.PrivateKeyJwt({ key: await importJWK(jwk, jwk.alg), kid: jwk.kid }),
  { algorithm: "oauth2", execute: [openid.allowInsecureRequests] },
);
const theirs = await tokens(await authorized(null));
const exchanged = await openid.genericGrantRequest(config, "urn:ietf:params:oauth:grant-type:token-exchange", {
  subject_token: theirs.access_token,
  subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
});
found.exchanged = {
  type: exchanged.token_type, issued: exchanged.issued_token_type, expires: exchanged.expires_in,
  kind: await asked(exchanged.access_token, insecure),
};

console.log(JSON.stringify(found));
