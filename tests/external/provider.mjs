// npm oidc-provider, a certified OpenID provider, as the national eID.
//
//   node provider.mjs '{"port": 4000, "profile": "fapi2", "clients": [...], "people": {"sub": {claims}}}'
//
// Prints one line of JSON when it listens. POST /control {"sub", "acr", "ago"} says who signs in next, how strongly
// and how many seconds ago, and answers what was asked of the provider since the last time.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const given = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${given.port}`;
const fapi = given.profile === "fapi2";
let next = { sub: Object.keys(given.people)[0], acr: "2", ago: 0 };
const seen = [];

function key(kid) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...privateKey.export({ format: "jwk" }), kid, alg: "ES256", use: "sig" };
}

const provider = new Provider(issuer, {
  clients: given.clients,
  jwks: { keys: [key("first")] },
  acrValues: ["1", "2", "3"],
  scopes: ["openid", "profile"],
  claims: { openid: ["sub"], profile: ["SoDinhDanh", "HoVaTen", "birthdate"], acr: null, auth_time: null, sid: null },
  conformIdTokenClaims: given.inUserinfo ?? false,
  cookies: { keys: ["only for tests"] },
  enabledJWA: { clientAuthSigningAlgValues: ["ES256", "PS256"], idTokenSigningAlgValues: ["ES256", "PS256"],
    idTokenEncryptionAlgValues: ["ECDH-ES+A256KW"], idTokenEncryptionEncValues: ["A256GCM"],
    userinfoSigningAlgValues: ["ES256"], userinfoEncryptionAlgValues: ["ECDH-ES+A256KW"], userinfoEncryptionEncValues: ["A256GCM"],
    dPoPSigningAlgValues: ["ES256"] },
  fetch: (url, { dispatcher, ...options }) => fetch(url, options), // we are on this machine, which it refuses to call
  pkce: { required: () => true },
  ttl: { AuthorizationCode: 60, AccessToken: 300, IdToken: 300, Grant: 600, Interaction: 600, Session: 3600 },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    encryption: { enabled: true },
    jwtUserinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: fapi },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => fapi },
    fapi: fapi ? { enabled: true, profile: "2.0" } : { enabled: false },
    mTLS: { enabled: false },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...given.people[sub] }) }),
  renderError: (ctx, out) => { ctx.type = "json"; ctx.body = out; },
});

async function interaction(ctx) {
  const details = await provider.interactionDetails(ctx.req, ctx.res);
  if (details.prompt.name === "login") {
    const ts = Math.floor(Date.now() / 1000) - (next.ago ?? 0);
    const login = { accountId: next.sub, acr: next.acr, ts };
    return provider.interactionFinished(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false });
  }
  const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  const grantId = await grant.save();
  return provider.interactionFinished(ctx.req, ctx.res, { consent: { grantId } }, { mergeWithLastSubmission: true });
}

async function control(ctx) {
  let body = "";
  for await (const chunk of ctx.req) body += chunk;
  next = { ...next, ...JSON.parse(body || "{}") };
  ctx.body = { requests: seen.splice(0) };
}

provider.use(async (ctx, following) => {
  if (ctx.path.startsWith("/interaction/")) return interaction(ctx);
  if (ctx.path === "/control") return control(ctx);
  seen.push({ path: ctx.path, query: ctx.querystring, dpop: Boolean(ctx.headers.dpop), authorization: ctx.headers.authorization?.split(" ")[0] ?? null });
  await following();
  if (ctx.status >= 400 && process.env.TALK) console.error(ctx.path, ctx.status, JSON.stringify(ctx.body));
});
for (const event of ["server_error", "pushed_authorization_request.error", "grant.error", "authorization.error",
  "userinfo.error", "backchannel.error", "end_session.error"]) {
  provider.on(event, (_, error) => { if (process.env.TALK || event === "server_error") console.error(event, error); });
}

provider.listen(given.port, "127.0.0.1", () => console.log(JSON.stringify({ issuer })));
process.stdin.on("end", () => process.exit(0)).resume();
