// Express with express-openapi-validator over the project's own contract: what it validates is what the contract says.
import { timingSafeEqual } from "node:crypto";
import express from "express";
import OpenApiValidator from "express-openapi-validator";
import jsonwebtoken from "jsonwebtoken";
import { SessionStore } from "./session_store.js";
import { creationView, listView, problem, statisticsView } from "./session_views.js";
import { adminRoles, apiKey, contract, database, jwtSecret, port } from "./surroundings.js";

const key = Buffer.from(apiKey);
const store = new SessionStore(database);
const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use(express.json());
app.use(
  OpenApiValidator.middleware({
    apiSpec: contract,
    validateRequests: true,
    validateResponses: false,
    validateSecurity: { handlers: { apiKeyAuth, bearerAuth } },
  }),
);

function apiKeyAuth(request) {
  const given = Buffer.from(request.get("X-API-Key") ?? "");
  return given.length === key.length && timingSafeEqual(given, key);
}

function bearerAuth(request) {
  const token = (request.get("Authorization") ?? "").replace(/^Bearer /i, "");
  try {
    request.claims = jsonwebtoken.verify(token, jwtSecret, { algorithms: ["HS256"] });
  } catch {
    return false;
  }
  if ((request.claims.roles ?? []).some((role) => adminRoles.has(role))) return true;
  throw Object.assign(new Error("Insufficient role"), { status: 403 });
}

const users = "/internal/session/sessions/:user_id";

app.get(`${users}/active`, (request, response) => {
  const count = store.countActive(request.get("X-Tenant-ID"), request.params.user_id, new Date().toISOString());
  response.json({ active: count > 0, session_count: count });
});

app.get(users, (request, response) => {
  const { page, page_size: pageSize } = request.query;
  const now = new Date().toISOString();
  const tenant = request.get("X-Tenant-ID");
  const found = store.listActive(tenant, request.params.user_id, now, page, pageSize);
  response.json(listView(found, page, pageSize, now));
});

app.post("/internal/session/create", (request, response) => {
  response.status(201).json(creationView(store.create(request.get("X-Tenant-ID"), request.body)));
});

app.get("/admin/sessions/stats", (request, response) => {
  const now = new Date().toISOString();
  const numbers = store.statistics(request.claims.tenant_id, now);
  if (numbers === null) throw Object.assign(new Error("Tenant not found"), { status: 404 });
  response.json(statisticsView(numbers, request.claims.sub, now));
});

app.use((error, request, response, next) => {
  const status = error.status ?? 500;
  if (status === 401) response.set("WWW-Authenticate", "Bearer");
  response.status(status).type("application/problem+json").json(problem(status, error.message));
});

app.listen(port, "127.0.0.1");
