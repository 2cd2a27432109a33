// Against a real server: whatever happens there, the verifier comes to the verdict of `validate-token`.

import assert from "node:assert/strict";
import test from "node:test";
import { Refused, Verifier } from "../dist/index.js";

const { SOJOURN_URL: url, SOJOURN_API_KEY: apiKey, SEED = "1" } = process.env;
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const UNDECIDED = ["issued_before_cutoff", "assurance_raised"]; // nearer to the issue of the token than clocks may be off
let x = Number(SEED);
const random = (below) => (x = (x * 1103515245 + 12345) % 2147483648) % below;

async function call(method, path, { tenant = "acme", body, ...headers } = {}) {
  const response = await fetch(url + path, {
    method,
    headers: { "X-API-Key": apiKey, "X-Tenant-ID": tenant, ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

async function signIn(tenant, user) {
  const { data } = await call("POST", "/internal/session/create", { tenant, body: { auth_user_id: user, device_type: "desktop" } });
  const body = { auth_user_id: user, session_id: data.session.id, tenant_id: tenant };
  const { access_token, refresh_token } = await call("POST", "/internal/session/generate-tokens", { tenant, body });
  return { tenant, user, session: data.session.id, token: access_token, refresh: refresh_token };
}

/** What can happen to one of the sessions. */
const acts = [
  ({ tenant, session }) => call("DELETE", `/internal/session/${session}`, { tenant }),
  ({ tenant, user }) => call("DELETE", `/internal/session/session/user/${user}`, { tenant }),
  ({ tenant, token, user }) => call("POST", "/internal/session/blacklist-token", { tenant, body: { token, token_type: "access", user_id: user } }),
  ({ tenant, session }) => call("POST", `/internal/session/${session}/activity`, { tenant }),
  ({ tenant, session }) => call("POST", `/internal/session/${session}/elevate`, { tenant, body: { amr: ["pwd", "otp"] } }),
  ({ tenant, user }) => call("POST", "/internal/session/erase-user-data", { tenant, body: { user_id: user } }),
];

async function following(options, use) {
  const verifier = new Verifier({ url, apiKey, ...options });
  try {
    await use(verifier);
  } finally {
    await verifier.close();
  }
}

test("random histories: the same verdict as the server's", () => following({ maxStaleness: 2 }, async (verifier) => { // so short: it polls
  await verifier.start();
  const all = [];
  for (let step = 0; step < 20; step++) {
    const tenant = ["acme", "globex"][random(2)];
    if (all.length < 3 || random(3) === 0) all.push(await signIn(tenant, `usr_${SEED}_${random(4)}`));
    else await acts[random(acts.length)](all[random(all.length)]).catch((error) => assert.match(String(error), /40[49]/));
    const done = performance.now();
    while (performance.now() - verifier.metrics.feedAgeSeconds * 1000 < done) {
      assert.ok(performance.now() - done < 9_000, "the feed says nothing");
      await sleep(2);
    }
    for (const { tenant, token, session } of all) {
      const { valid, error } = await call("POST", "/internal/session/validate-token", { tenant, body: { access_token: token } });
      const local = await verifier.verify(token).then(() => undefined, (refused) => {
        assert.ok(refused instanceof Refused, String(refused));
        return refused.reason;
      });
      const isUndecidedHere = UNDECIDED.includes(error) && local !== undefined; // a later reason is certain already
      assert.equal(isUndecidedHere ? error : local, valid ? undefined : error, `seed ${SEED}, step ${step}, ${session}`);
    }
  }
}));

test("an end is refused within a second, and a million checks ask nothing", () => following({}, async (verifier) => {
  const { tenant, session, token } = await signIn("acme", "usr_quick");
  await verifier.verify(token);
  const begun = performance.now();
  for (let time = 0; time < 1_000_000; time++) {
    await verifier.verify(token);
    if (time % 10_000 === 0) await new Promise(setImmediate); // else nobody sees that the server closed an idle connection
  }
  console.log(`# ${Math.round(1e9 / (performance.now() - begun))} checks a second`);
  assert.equal(verifier.metrics.online, 0);
  assert.equal(verifier.metrics.signatures, 1);
  const delays = [];
  for (let time = 0; time < 10; time++) {
    const { session, token } = await signIn("acme", "usr_quick");
    await verifier.verify(token);
    await call("DELETE", `/internal/session/${session}`);
    const ended = performance.now();
    while (await verifier.verify(token).then(() => true, () => false)) await sleep(1);
    delays.push(performance.now() - ended);
  }
  console.log(`# heard of an end after ${Math.max(...delays).toFixed(0)} ms at most`);
  assert.ok(Math.max(...delays) < 1000);
  await assert.rejects(verifier.verify(token.slice(0, -4) + "AAAA", { online: true }), Refused);
  assert.equal((await verifier.verify(token, { online: true })).sessionId, session);
  assert.equal(tenant, "acme");
}));
