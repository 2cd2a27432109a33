// What a verifier knows, and that it accepts nothing when it knows too little.

import assert from "node:assert/strict";
import test from "node:test";
import { EventStreamParser } from "../dist/event_stream.js";
import { Refused, Stale, Verifier } from "../dist/index.js";
import { Refusals } from "../dist/refusals.js";
import { API_KEY, serve, sign } from "./scripted_server.mjs";

const SESSION = "sess_01968a3c-5c00-7000-8000-00a1b2c3d4e5";
const HEADER = { alg: "EdDSA", typ: "at+jwt", kid: "key_1" };
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function claims(more = {}) {
  const now = Math.floor(Date.now() / 1000);
  return { iss: "sojourn", sub: "usr_ann", aud: "sojourn", iat: now - 60, exp: now + 600, jti: "4711", sid: SESSION, tenant_id: "acme", client_id: "web", ...more };
}

async function scene(use, options = {}, state = {}) {
  state = { keys: ["key_1"], items: [], cursor: "1".repeat(28), asOf: () => new Date().toISOString(), ...state };
  const server = await serve(state);
  const verifier = new Verifier({ url: server.url, apiKey: API_KEY, ...options });
  try {
    await use({ server, verifier, state });
  } finally {
    await verifier.close();
    await server.close();
  }
}

const ended = (session, cursor) =>
  `id: ${cursor}\nevent: session.ended\ndata: ${JSON.stringify({ type: "session.ended", tenant_id: "acme", occurred_at: "2026-04-15T10:30:00Z", data: { session_id: session, reason_code: "signed_out", tokens_valid_until: new Date(Date.now() + 9e5).toISOString() } })}\n\n`;

async function eventually(condition, milliseconds = 3_000) {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, "it did not come to that");
    await sleep(5);
  }
}

const reasonOf = (verifier, token) => verifier.verify(token).then(() => "good", (error) => error.reason ?? error.name);

test("a stream is read the same however it is cut into pieces", () => {
  const text = ": hi\r\nretry: 5\r\n\r\nid: 1\r\nevent: a\r\ndata: x\r\ndata:  y\r\n\r\nid: 2\ndata\n\ndata: z\rid: 3\r\revent: lost\n\ndata: half";
  const whole = new EventStreamParser().push(text);
  assert.deepEqual(whole.map((message) => [message.type, message.data, message.id]), [["a", "x\n y", "1"], ["message", "", "2"], ["message", "z", "3"]]);
  for (let seed = 1; seed <= 300; seed++) {
    const parser = new EventStreamParser();
    const found = [];
    for (let at = 0, x = seed; at < text.length; ) {
      x = (x * 1103515245 + 12345) % 2147483648;
      const size = 1 + (x % 7);
      found.push(...parser.push(text.slice(at, at + size)));
      at += size;
    }
    assert.deepEqual(found, whole, `seed ${seed}`);
  }
});

test("an end is heard from the stream, and what was remembered is judged again", () =>
  scene(async ({ server, verifier }) => {
    const token = await sign(HEADER, claims());
    for (let time = 0; time < 1000; time++) assert.equal((await verifier.verify(token)).sessionId, SESSION);
    assert.equal(verifier.metrics.signatures, 1);
    server.say(ended(SESSION, "2".repeat(28)));
    await eventually(async () => (await reasonOf(verifier, token)) === "session_revoked");
  }));

test("who ends a session refuses its tokens at once, and those of no other, until the feed must have said so", () =>
  scene(async ({ verifier }) => {
    const token = await sign(HEADER, claims());
    const unread = await sign(HEADER, claims({ jti: "4712" }));
    const others = [claims({ sid: `${SESSION.slice(0, -1)}6` }), claims({ tenant_id: "globex" }), claims({ sid: undefined })];
    const good = [await sign(HEADER, others[0]), await sign(HEADER, others[1]), await sign(HEADER, others[2])];
    for (const one of [token, ...good]) assert.equal(await reasonOf(verifier, one), "good");
    const reading = reasonOf(verifier, unread);
    verifier.refuse("acme", SESSION);
    assert.equal(await reading, "session_revoked");
    assert.equal(await reasonOf(verifier, token), "session_revoked");
    for (const one of good) assert.equal(await reasonOf(verifier, one), "good");
    await eventually(async () => (await reasonOf(verifier, token)) === "good"); // this server never says that it ended
  }, { maxStaleness: 0.5 }));

test("a feed that is cut in the middle of a line says nothing, and the reader goes on behind its cursor", () =>
  scene(async ({ server, verifier }) => {
    const token = await sign(HEADER, claims());
    await verifier.verify(token);
    server.say(ended(SESSION, "2".repeat(28)).slice(0, -20));
    server.streams.forEach((stream) => stream.destroy());
    await eventually(() => server.seen.filter((path) => path.endsWith("/stream")).length === 2 && server.streams.size === 1);
    assert.equal(await reasonOf(verifier, token), "good");
    server.say(ended(SESSION, "2".repeat(28)));
    await eventually(async () => (await reasonOf(verifier, token)) === "session_revoked");
    assert.equal(verifier.metrics.snapshots, 1);
  }));

test("a cursor that is refused leads to another snapshot, which is the whole truth", () =>
  scene(async ({ server, verifier, state }) => {
    const token = await sign(HEADER, claims());
    await verifier.verify(token);
    state.items = [{ kind: "session", tenant_id: "acme", session_id: SESSION, forget_at: "2999-01-01T00:00:00Z" }];
    state.cursor = "3".repeat(28);
    state.isExpired = (request) => request.headers["last-event-id"] === "1".repeat(28);
    server.streams.forEach((stream) => stream.destroy());
    await eventually(async () => (await reasonOf(verifier, token)) === "session_revoked");
    assert.ok(verifier.metrics.snapshots >= 2);
  }));

test("who hears nothing accepts nothing, and recovers", () =>
  scene(
    async ({ verifier, state }) => {
      const token = await sign(HEADER, claims());
      await verifier.verify(token);
      state.broken = () => true;
      await eventually(async () => (await reasonOf(verifier, token)) === "Stale");
      const begun = performance.now();
      await assert.rejects(verifier.verify(token), /the server was not heard for .* does not respond/);
      assert.ok(performance.now() - begun < 300, "only the first of all checks waits for the server");
      state.broken = undefined;
      await eventually(async () => (await reasonOf(verifier, token)) === "good", 6_000);
    },
    { maxStaleness: 0.5 },
  ));

test("a key that is refused is named: nothing is accepted", () =>
  scene(async ({ verifier }) => {
    await assert.rejects(verifier.verify(await sign(HEADER, claims())), (error) => error instanceof Stale && /401/.test(error.message));
  }, { apiKey: "another", maxStaleness: 0.3 }));

test("an unknown key is asked for once in a while, however many tokens name one", () =>
  scene(async ({ server, verifier, state }) => {
    await verifier.start();
    for (let number = 0; number < 50; number++) {
      const token = await sign({ ...HEADER, kid: `unknown_${number % 5}` }, claims());
      await assert.rejects(verifier.verify(token), (error) => error instanceof Refused && error.reason === "invalid_token");
    }
    assert.equal(server.seen.filter((path) => path.includes("jwks")).length, 1);
    state.keys = ["key_1", "key_2"];
    await sleep(300);
    assert.equal(await reasonOf(verifier, await sign({ ...HEADER, kid: "key_2" }, claims())), "good");
  }, { keyCoolDown: 0.3 }));

test("what is remembered is bounded, and a forged or cut token is refused", () =>
  scene(async ({ verifier }) => {
    for (let number = 0; number < 30; number++) await verifier.verify(await sign(HEADER, claims({ jti: `tok_${number}` })));
    assert.equal(verifier.metrics.remembered, 10);
    const token = await sign(HEADER, claims());
    const [head, body, signature] = token.split(".");
    for (const wrong of [`${head}.${body}.${"A".repeat(86)}`, `${head}.${body}.`, `${token}=`, token.slice(1), "", "a.b.c", `${head}.${body}.${signature}.x`]) {
      assert.equal(await reasonOf(verifier, wrong), "invalid_token", wrong);
    }
  }, { remembered: 10 }));

test("a clock that is half a minute off judges by the server's", () =>
  scene(async ({ verifier }) => {
    const now = Math.floor(Date.now() / 1000);
    assert.equal(await reasonOf(verifier, await sign(HEADER, claims({ exp: now - 20 }))), "expired");
    assert.equal(await reasonOf(verifier, await sign(HEADER, claims({ iat: now }))), "good");
  }, { clock: { now: () => Date.now() - 30_000, elapsed: () => performance.now() } }));

test("ten thousand refusals take less than four megabytes, and go when their time is over", () => {
    globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const refusals = new Refusals();
  const soon = new Date(Date.now() + 60_000).toISOString();
  for (let number = 0; number < 10_000; number++) {
    const session_id = SESSION.slice(0, -5) + String(number).padStart(5, "0");
    refusals.add({ kind: "session", tenant_id: "acme", session_id, forget_at: soon, reason_code: "signed_out" });
  }
  globalThis.gc();
  const used = process.memoryUsage().heapUsed - before;
  assert.ok(used < 4e6, `${used} bytes`);
  refusals.forget(Date.now() + 180_000);
  assert.equal(refusals.size, 0);
});
