// Follows access events as npm graphql-ws (`ws`) or graphql-sse (`sse`) does it, and prints what it saw as JSON lines:
// {"event": …} for each result, {"closed": code} for each close of a socket, {"opened": n}, and {"end": …} at last.
// Arguments: ws|sse, the address of /graphql, a token, and how often to connect again. The token is never in an address.
import { createClient as createSocketClient } from "graphql-ws";
import { createClient as createEventClient } from "graphql-sse";
import WebSocket from "ws";

const [kind, url, token, again] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const query = "subscription { accessEvents { action text } }";
const credentials = { authorization: `Bearer ${token}`, "Accept-Language": "en" };
let opened = 0;

const client =
  kind === "ws"
    ? createSocketClient({
        url: url.replace(/^http/, "ws"),
        webSocketImpl: WebSocket,
        connectionParams: () => credentials,
        lazyCloseTimeout: 0,
        retryAttempts: Number(again),
        retryWait: () => new Promise((go) => setTimeout(go, 100)),
        shouldRetry: () => true,
        on: { connected: () => say({ opened: ++opened }), closed: (event) => say({ closed: event.code }) },
      })
    : createEventClient({ url, headers: credentials, retryAttempts: 0 });

const text = (error) =>
  Array.isArray(error) ? error.map((one) => one.extensions?.code ?? one.message) : String(error?.code ?? error);

try {
  for await (const result of client.iterate({ query })) {
    say({ event: result });
  }
  say({ end: "complete" });
} catch (error) {
  say({ end: text(error) });
}
await client.dispose();
