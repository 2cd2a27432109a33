// The cases that all verifiers share: clients/cases. Also run by Deno and Bun.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { Refused, Verifier } from "../dist/index.js";
import { API_KEY, serve, sign } from "./scripted_server.mjs";

const folder = new URL("../../cases/", import.meta.url);
const tables = readdirSync(folder).filter((name) => name.endsWith(".json"));
const merged = (base, more = {}) => Object.fromEntries(Object.entries({ ...base, ...more }).filter(([, value]) => value !== null));

async function verdictOf(base, wanted) {
  const now = wanted.now ?? base.now;
  const known = { ...base.known, ...wanted.known };
  const claims = merged(base.claims, wanted.claims);
  const state = { ...known, cursor: "0".repeat(28), asOf: () => now, claims };
  const server = await serve(state);
  const clock = { now: () => Date.parse(now), elapsed: () => performance.now() };
  const verifier = new Verifier({ url: server.url, apiKey: API_KEY, clock, ...base.settings, ...wanted.settings });
  try {
    const session = await verifier.verify(await sign(merged(base.header, wanted.header), claims));
    assert.equal(session.subject, claims.sub);
    return { verdict: server.seen.includes("/internal/session/validate-token") ? "ask" : "good" };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { verdict: "refused", reason: error.reason };
  } finally {
    await verifier.close();
    await server.close();
  }
}

test("there are cases", () => assert.ok(tables.length > 3));

for (const name of tables) {
  const { base, cases } = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
  test(name, async () => {
    const verdicts = [];
    for (const wanted of cases) verdicts.push(await verdictOf(base, wanted));
    const found = cases.map(({ name }, number) => ({ name, verdict: verdicts[number] }));
    assert.deepEqual(found, cases.map(({ name, verdict }) => ({ name, verdict })));
  });
}
