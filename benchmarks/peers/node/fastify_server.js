// Fastify as its documentation shows it: JSON schemas in and out, hooks for callers, its own JWT plugin.
import { timingSafeEqual } from "node:crypto";
import jwt from "@fastify/jwt";
import Fastify from "fastify";
import { checkUserActive, createSession, getSessionStats, listUserSessions } from "./fastify_schemas.js";
import { validatorCompiler } from "./fastify_validation.js";
import { creationView, listView, problem, statisticsView } from "./session_views.js";
import { adminRoles, apiKey, database, jwtSecret, port } from "./surroundings.js";

const key = Buffer.from(apiKey);
const store = await opened(database);
const app = Fastify({ logger: false });
app.setValidatorCompiler(validatorCompiler);
await app.register(jwt, { secret: jwtSecret, verify: { algorithms: ["HS256"], cache: true } });

app.setErrorHandler((error, request, reply) => {
  const status = error.statusCode ?? 500;
  if (status === 401) reply.header("WWW-Authenticate", "Bearer");
  reply.code(status).type("application/problem+json").send(problem(status, error.message));
});

async function requireApiKey(request) {
  const given = Buffer.from(request.headers["x-api-key"] ?? "");
  if (given.length !== key.length || !timingSafeEqual(given, key)) throw refused(401, "Invalid API key");
}

async function requireAdmin(request) {
  const claims = await request.jwtVerify();
  if (!(claims.roles ?? []).some((role) => adminRoles.has(role))) throw refused(403, "Insufficient role");
}

function refused(statusCode, message) {
  return Object.assign(new Error(message), { statusCode });
}

// Each engine's driver is loaded only where it is used.
async function opened(place) {
  if (place.startsWith("postgresql:")) return new (await import("./postgres_store.js")).PostgresStore(place);
  return new (await import("./session_store.js")).SessionStore(place);
}

const internal = { onRequest: requireApiKey };
const users = "/internal/session/sessions/:user_id";

app.get(`${users}/active`, { ...internal, schema: checkUserActive }, async (request) => {
  const tenant = request.headers["x-tenant-id"];
  const count = await store.countActive(tenant, request.params.user_id, new Date().toISOString());
  return { active: count > 0, session_count: count };
});

app.get(users, { ...internal, schema: listUserSessions }, async (request) => {
  const { page, page_size: pageSize } = request.query;
  const now = new Date().toISOString();
  const tenant = request.headers["x-tenant-id"];
  return listView(await store.listActive(tenant, request.params.user_id, now, page, pageSize), page, pageSize, now);
});

app.post("/internal/session/create", { ...internal, schema: createSession }, async (request, reply) => {
  reply.code(201);
  return creationView(await store.create(request.headers["x-tenant-id"], request.body));
});

app.get("/admin/sessions/stats", { onRequest: requireAdmin, schema: getSessionStats }, async (request) => {
  const now = new Date().toISOString();
  const numbers = await store.statistics(request.user.tenant_id, now);
  if (numbers === null) throw refused(404, "Tenant not found");
  return statisticsView(numbers, request.user.sub, now);
});

await app.listen({ host: "127.0.0.1", port });
