"""auth: who is calling; never what they may see.

Citizens and clinicians sign in with the national eID: `logins` walks the browser to the eID and back,
`oidc` judges what the eID says (`provider` fetches it), `sessions` issues and rotates our own tokens.
Facilities sign their requests for a token: `clients`, with keys that `key_sets` fetches from `outside` when they
publish them; `exchange` lets a facility's system act for a clinician. `backend` turns an access token into the
`Principal` of one request, for bound tokens with a proof that `dpop` judges. `routes`, `token_endpoint`,
`discovery` and `logout_routes` speak HTTP, `errors` says why not. `jws` is the home of joserfc, `tokens` of random
text.

Everything arrives through constructors from `ehb.app`; this room opens no store, reads no setting and holds
no rule about health data. The one invariant: no identity number, name, token or code leaves this room in a
log line, a message or a URL, except the one-time code that RFC 6749 puts into the redirect.
"""
