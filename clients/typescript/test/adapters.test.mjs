// Each adapter in a real application of its framework.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import test, { describe } from "node:test";
import { serve as serveHono } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import * as forExpress from "../dist/adapters/express.js";
import * as forFastify from "../dist/adapters/fastify.js";
import * as forHono from "../dist/adapters/hono.js";
import * as forNext from "../dist/adapters/next.js";
import * as forWeb from "../dist/adapters/web.js";
import { Refused, Stale, Verifier } from "../dist/index.js";
import { API_KEY, serve, sign } from "./scripted_server.mjs";

const HEADER = { alg: "EdDSA", typ: "at+jwt", kid: "key_1" };
const now = Math.floor(Date.now() / 1000);
const CLAIMS = { iss: "sojourn", sub: "usr_ann", aud: "sojourn", iat: now - 60, exp: now + 600, jti: "4711", sid: "sess_1", tenant_id: "acme", client_id: "web", roles: ["editor"] };
const listening = (server) => new Promise((resolve) => server.on("listening", () => resolve(server)));

/** An application of one function from web requests to web responses. */
const ofWebRequests = (route) => listening(createServer(async (incoming, outgoing) => {
  const response = await route(new Request(`http://localhost${incoming.url}`, { headers: incoming.headers }));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
}).listen(0, "127.0.0.1"));

/** An application with `/me` for everybody who is signed in and `/admin` for administrators; the server it listens on. */
const applications = {
  express: (verifier) => {
    const app = express();
    app.get("/me", forExpress.bearer(verifier), (request, response) => response.json(forExpress.sessionOf(request).subject));
    app.get("/admin", forExpress.bearer(verifier, { roles: ["admin"] }), (_, response) => response.json(1));
    return listening(app.listen(0, "127.0.0.1"));
  },
  fastify: async (verifier) => {
    const app = fastify({ forceCloseConnections: true });
    app.get("/me", { onRequest: forFastify.bearer(verifier) }, async (request) => JSON.stringify(forFastify.sessionOf(request).subject));
    app.get("/admin", { onRequest: forFastify.bearer(verifier, { roles: ["admin"] }) }, async () => 1);
    await app.listen({ port: 0, host: "127.0.0.1" });
    return app.server;
  },
  hono: (verifier) => {
    const app = new Hono();
    app.get("/me", forHono.bearer(verifier), (c) => c.json(c.get("session").subject));
    app.get("/admin", forHono.bearer(verifier, { roles: ["admin"] }), (c) => c.json(1));
    return listening(serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }));
  },
  "web requests": (verifier) => {
    const signedIn = forWeb.bearer(verifier);
    const admin = forWeb.bearer(verifier, { allow: (session) => session.roles.includes("admin") });
    const route = async (request) => {
      const found = await (request.url.endsWith("/admin") ? admin : signedIn)(request);
      return found instanceof Response ? found : Response.json(found.subject);
    };
    return ofWebRequests(route);
  },
  next: (verifier) => { // as Next.js calls them; tests/next has an application that it built
    const [signedIn, admin] = [forNext.bearer(verifier), forNext.bearer(verifier, { roles: ["admin"] })];
    return ofWebRequests(async (request) =>
      (await (request.url.endsWith("/admin") ? admin : signedIn)(request)) ?? Response.json((await forNext.sessionOf(request.headers, verifier)).subject));
  },
};

describe("adapters", { concurrency: true }, () => Object.entries(applications).forEach(([framework, begin]) => {
  test(`${framework}: 200, 401 with a challenge, 403, and 503 when nothing is known`, async () => {
    const state = { keys: ["key_1"], items: [], cursor: "1".repeat(28), asOf: () => new Date().toISOString() };
    const sojourn = await serve(state);
    const verifier = new Verifier({ url: sojourn.url, apiKey: API_KEY, maxStaleness: 1 });
    const server = await begin(verifier);
    const token = await sign(HEADER, CLAIMS);
    const get = async (path, authorization) => {
      const headers = authorization === undefined ? {} : { Authorization: authorization };
      const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers });
      return [response.status, response.headers.get("WWW-Authenticate"), await response.json()];
    };
    try {
      assert.deepEqual(await get("/me", `Bearer ${token}`), [200, null, "usr_ann"]);
      for (const wrong of [undefined, "Basic YTpi", "Bearer", `Bearer ${token} x`]) {
        const [status, challenge, problem] = await get("/me", wrong);
        assert.deepEqual([status, challenge, problem.status], [401, "Bearer", 401], wrong);
      }
      const expired = await sign(HEADER, { ...CLAIMS, exp: now - 60 });
      assert.deepEqual((await get("/me", `bearer ${expired}`)).slice(0, 2), [401, 'Bearer error="invalid_token", error_description="expired"']);
      assert.deepEqual((await get("/admin", `Bearer ${token}`)).slice(0, 2), [403, 'Bearer error="insufficient_scope"']);
      assert.equal((await get("/admin", `Bearer ${await sign(HEADER, { ...CLAIMS, roles: ["admin"] })}`))[0], 200);
      await sojourn.close();
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      assert.deepEqual((await get("/me", `Bearer ${token}`)).slice(0, 2), [503, null]);
    } finally {
      await verifier.close();
      await sojourn.close().catch(() => undefined);
      server.close();
      server.closeAllConnections?.();
    }
  });
}));

test("an error is known by every copy of the package, for a bundler makes several", async () => {
  const copy = await import("../dist/errors.js?copy");
  assert.notEqual(copy.Refused, Refused);
  assert.ok(new copy.Refused("expired") instanceof Refused && new copy.Stale("away") instanceof Stale);
  assert.ok(!(new copy.Refused("expired") instanceof Stale) && !(new Error("another") instanceof Refused));
});

test("for Next.js, a request without a token has no session", async () => {
  await assert.rejects(forNext.sessionOf(new Headers(), undefined), Refused);
});
