// A server that says what a test wants it to say: to verify without one whose clock and data cannot be chosen.

import { createServer } from "node:http";
import { base64url, exportJWK, generateKeyPair } from "jose";

export const API_KEY = "a-key-of-the-tests";
const made = new Map();

function keyOf(kid) {
  if (!made.has(kid)) made.set(kid, makeKey(kid));
  return made.get(kid);
}

async function makeKey(kid) {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" } };
}

/** A token with exactly these members in header and claims: also one that no library would sign. */
export async function sign(header, claims) {
  const { privateKey } = await keyOf(header.kid ?? "key_1");
  const signed = [header, claims].map((part) => base64url.encode(JSON.stringify(part))).join(".");
  const signature = await crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(signed));
  return `${signed}.${base64url.encode(new Uint8Array(signature))}`;
}

/** Serves `state`: keys, items, tenants (undefined: all), asOf(), messages (of the stream), broken (paths that fail). */
export async function serve(state) {
  const seen = [];
  const streams = new Set();
  const json = (response, body, status = 200) => {
    response.writeHead(status, { "Content-Type": "application/json", ETag: '"1"' }).end(JSON.stringify(body));
  };
  const checkpoint = () => `id: ${state.cursor}\nevent: checkpoint\ndata: {"cursor":"${state.cursor}","as_of":"${state.asOf()}"}\n\n`;
  const server = createServer(async (request, response) => {
    const path = request.url.split("?")[0];
    seen.push(path);
    if (state.broken?.(path, seen.length)) return response.destroy();
    if (path === "/.well-known/jwks.json") return json(response, { keys: (await Promise.all(state.keys.map(keyOf))).map((key) => key.jwk) });
    if (request.headers["x-api-key"] !== API_KEY) return json(response, { title: "unknown key" }, 401);
    if (path === "/internal/revocations") return json(response, { items: state.items, cursor: state.cursor, as_of: state.asOf(), tenants: state.tenants });
    if (path === "/internal/session/validate-token") return json(response, { valid: true, claims: state.claims });
    if (path === "/internal/events") {
      if (state.isExpired?.(request)) return json(response, {}, 410);
      return setTimeout(() => json(response, { items: [], next_cursor: state.cursor, has_more: false, as_of: state.asOf() }), request.url.includes("wait") ? 50 : 0);
    }
    if (path === "/internal/events/stream") {
      if (state.isExpired?.(request)) return json(response, {}, 410);
      response.writeHead(200, { "Content-Type": "text/event-stream" }).write(checkpoint());
      streams.add(response);
      return response.on("close", () => streams.delete(response));
    }
    return json(response, {}, 404);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    seen,
    streams,
    say: (text) => streams.forEach((stream) => stream.write(text)),
    checkpoint: () => streams.forEach((stream) => stream.write(checkpoint())),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
