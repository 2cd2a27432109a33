// One session's life through the generated types: created, listed, checked, revoked, and a refusal read.
// Usage: node round_trip.js URL API_KEY BEARER_TOKEN USER

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/contract.js";

type Session = components["schemas"]["SessionResponse"];
type Problem = components["schemas"]["Problem"];

const [baseUrl = "", apiKey = "", token = "", user = ""] = process.argv.slice(2);
const tenant = { "X-Tenant-ID": "acme" };
const service = createClient<paths>({ baseUrl, headers: { "X-API-Key": apiKey } });
const person = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

const created = await service.POST("/internal/session/create", {
  params: { header: tenant },
  body: { auth_user_id: user, device_type: "desktop" },
});
assert.equal(created.response.status, 201);
assert(created.data);
const session: Session = created.data.data.session;

const listed = await service.GET("/internal/session/sessions/{user_id}", {
  params: { header: tenant, path: { user_id: user }, query: { page_size: 5 } },
});
assert.deepEqual(listed.data?.items.map((item) => item.id), [session.id]);

async function isActive(): Promise<boolean | undefined> {
  const { data } = await service.GET("/internal/session/sessions/{user_id}/active", {
    params: { header: tenant, path: { user_id: user } },
  });
  return data?.active;
}

assert.equal(await isActive(), true);

const path = { session_id: session.id };
const seen = await person.GET("/sessions/{session_id}", { params: { path } });
assert.equal(seen.data?.session.status, "active");

const revoked = await person.DELETE("/sessions/{session_id}", { params: { path }, body: { reason: "signed out" } });
assert.equal(revoked.response.status, 204);
assert.equal(await isActive(), false);

const refused = await service.GET("/internal/session/sessions/{user_id}", {
  params: { header: tenant, path: { user_id: user }, query: { page: 0 } },
});
const problem: Problem | undefined = refused.error;
assert.equal(problem?.code, 30100001);

console.log("created, listed, checked, revoked", session.id);
