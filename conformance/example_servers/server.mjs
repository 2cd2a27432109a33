// The five reads of the contract in one file: Node's own http and crypto, sessions in memory, no packages.
// PORT, API_KEY and JWT_SECRET come from the environment. It is judged by `sojourn conformance ... --profile seed`.

import { createServer } from "node:http";
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";

const { PORT = "8081", API_KEY = "", JWT_SECRET = "" } = process.env;
const ID = /^(\.{0,2}[^\x00-\x20.\x7f]|\.{3})([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$/;
const TENANT = /^[A-Za-z0-9._:@|~+=-]{1,128}$/;
const ROLES = ["admin", "security_admin"];

// What there is: some users of one tenant, each with sessions and trusted devices, the newest first.
const began = Date.now();
const users = [["usr_ada", "desktop"], ["auth0|65f.1", "mobile"], ["Eve@example.org", "tablet"]];
const sessions = users.flatMap(([user, kind], number) =>
  Array.from({ length: number + 2 }, (_, turn) => {
    const created = began - 60_000 * (10 * number + turn + 1);
    return {
      key: `0197a000-0000-7000-8000-${String(100 * number + turn).padStart(12, "0")}`,
      tenant: "acme", user, number: number + 1, kind, created,
      used: created + 30_000, ends: created + 86_400_000, idle: created + 43_200_000,
      ip: `192.0.2.${10 * number + turn + 1}`, agent: `Example/${turn}`,
    };
  })).sort((a, b) => b.created - a.created);
const devices = sessions.slice(0, 5).map((session, turn) => ({
  id: `dev_${session.key}`, tenant_id: "acme", user_id: session.user, device_fingerprint: `sha256:${turn}`,
  device_type: session.kind, ip: session.ip, created_at: instant(session.created), trusted_until: instant(session.ends),
}));

function instant(milliseconds) {
  return new Date(milliseconds).toISOString();
}

class Refusal extends Error {
  constructor(status, slug, detail, errors) {
    super(detail);
    Object.assign(this, { status, slug, errors });
  }
}
const TITLES = {
  "authentication-required": ["Authentication required", 30100002], "not-allowed": ["Not allowed", 30100003],
  "validation-failed": ["Invalid request", 30100001], "not-found": ["Not found", 30100004],
  "method-not-allowed": ["Method not allowed", 30100005],
};

function sameText(given, wanted) {
  const [a, b] = [given, wanted].map((text) => createHmac("sha256", "compare").update(text).digest());
  return wanted !== "" && timingSafeEqual(a, b);
}

// The claims of a bearer token (RFC 7519, HS256 only): 401 unless it is signed by us and good now.
function claimsOf(request) {
  const [, token] = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/.exec(request.headers.authorization ?? "") ?? [];
  const refused = new Refusal(401, "authentication-required", "A valid bearer token is required.");
  if (!token) throw refused;
  const [head, body, signature] = token.split(".");
  const wanted = createHmac("sha256", JWT_SECRET).update(`${head}.${body}`).digest("base64url");
  try {
    const claims = JSON.parse(Buffer.from(body, "base64url"));
    const algorithm = JSON.parse(Buffer.from(head, "base64url")).alg;
    if (algorithm === "HS256" && sameText(signature, wanted) && claims.exp * 1000 > Date.now()) return claims;
  } catch { /* refused below */ }
  throw refused;
}

function administrator(request) {
  const claims = claimsOf(request);
  if (!(claims.roles ?? []).some((role) => ROLES.includes(role)))
    throw new Refusal(403, "not-allowed", "This needs the role of an administrator.");
  return claims;
}

function tenantOfService(request) {
  if (!sameText(request.headers["x-api-key"] ?? "", API_KEY))
    throw new Refusal(401, "authentication-required", "A valid API key is required.");
  const tenant = request.headers["x-tenant-id"] ?? "";
  if (!TENANT.test(tenant)) throw invalid("X-Tenant-ID", "format", "This must name a tenant.");
  return tenant;
}

function invalid(field, code, description) {
  return new Refusal(400, "validation-failed", "The request breaks a rule of the contract.", [{ field, code, description }]);
}

// The query's parameters: each declared, each once, whole numbers within their range.
function parameters(query, declared) {
  const found = {};
  for (const [name, value] of query) {
    if (!(name in declared)) throw invalid(name, "unknown_parameter", "There is no such parameter.");
    if (name in found) throw invalid(name, "repeated", "This may be given once.");
    found[name] = value;
  }
  for (const [name, rule] of Object.entries(declared)) {
    const value = found[name];
    if (value === undefined && rule.required) throw invalid(name, "required", "This is required.");
    if (value === undefined) found[name] = rule.default;
    else if (rule.pattern && !(rule.pattern.test(value) && value.length <= 255)) throw invalid(name, "format", "This has another form.");
    else if (rule.max) {
      if (!/^(0|[1-9][0-9]{0,9})$/.test(value) || +value < 1 || +value > rule.max)
        throw invalid(name, "range", `This must be 1 to ${rule.max}.`);
      found[name] = +value;
    }
  }
  return found;
}
const PAGE = { default: 1, max: 2147483647 };

function page(items, { page: number, page_size: size }) {
  const [total, pages] = [items.length, Math.ceil(items.length / size)];
  return {
    code: 0, message: "ok", timestamp: instant(Date.now()), items: items.slice((number - 1) * size, number * size), total,
    pagination: {
      page: number, page_size: size, total, total_pages: pages,
      has_next: number < pages, has_prev: number > 1 && total > 0,
    },
  };
}

function shown(session) {
  return {
    id: `sess_${session.key}`, tenant_id: session.tenant, user_id: session.user, status: "active", amr: "password",
    created_at: instant(session.created), authenticated_at: instant(session.created), last_active_at: instant(session.used),
    expires_at: instant(session.ends), idle_expires_at: instant(session.idle), device_type: session.kind, ip: session.ip,
    user_agent: session.agent,
  };
}

function row(session) {
  return {
    session_id: session.key, user_id: session.number, username: session.user, created_at: instant(session.created),
    expires_at: instant(session.ends), last_activity: instant(session.used), ip_address: session.ip,
    user_agent: session.agent, auth_method: "password", is_active: true,
  };
}

function active(tenant, user) {
  const now = Date.now();
  return sessions.filter((one) => one.tenant === tenant && (user === undefined || one.user === user) && one.idle > now);
}

function userOf(text) {
  let user = "";
  try { user = decodeURIComponent(text); } catch { /* refused below */ }
  if (!ID.test(user) || user.length > 255) throw invalid("user_id", "format", "This must be a user's id.");
  return user;
}

const ROUTES = [
  [/^\/internal\/session\/sessions\/([^/]+)$/, "ApiKey", (request, query, [user]) => {
    const tenant = tenantOfService(request);
    return page(active(tenant, userOf(user)).map(shown), parameters(query, { page: PAGE, page_size: { default: 100, max: 500 } }));
  }],
  [/^\/internal\/session\/sessions\/([^/]+)\/active$/, "ApiKey", (request, query, [user]) => {
    const tenant = tenantOfService(request);
    parameters(query, {});
    const count = active(tenant, userOf(user)).length;
    return { active: count > 0, session_count: count };
  }],
  [/^\/internal\/session\/trusted-devices$/, "ApiKey", (request, query) => {
    const tenant = tenantOfService(request);
    const asked = parameters(query, { user_id: { required: true, pattern: ID }, page: PAGE, page_size: { default: 20, max: 100 } });
    return page(devices.filter((one) => one.tenant_id === tenant && one.user_id === asked.user_id), asked);
  }],
  [/^\/admin\/sessions\/stats$/, "Bearer", (request, query) => {
    const claims = administrator(request);
    parameters(query, {});
    const [mine, alive] = [sessions.filter((one) => one.tenant === claims.tenant_id), active(claims.tenant_id)];
    if (mine.length === 0) throw new Refusal(404, "not-found", "There is no such tenant.");
    const kinds = {};
    for (const { kind } of mine) kinds[kind] = (kinds[kind] ?? 0) + 1;
    return {
      user_id: claims.sub, total_sessions: mine.length, active_sessions: alive.length,
      expired_sessions: mine.length - alive.length, revoked_sessions: 0, device_breakdown: kinds, updated_at: instant(Date.now()),
    };
  }],
  [/^\/api\/sessions\/all$/, "Bearer", (request, query) => {
    const { tenant_id: tenant } = administrator(request);
    const asked = parameters(query, { limit: { default: 100, max: 1000 }, cursor: { pattern: /^[0-9a-f-]{36}$/ } });
    const all = active(tenant);
    const from = asked.cursor ? all.findIndex((one) => one.key === asked.cursor) + 1 : 0;
    return { sessions: all.slice(from, from + asked.limit).map(row), total: all.length };
  }],
];

function problem(refusal, path, id) {
  const [title, code] = TITLES[refusal.slug];
  return {
    type: `/problems/${refusal.slug}`, title, status: refusal.status, detail: refusal.message, instance: path, code,
    i18n_key: `error.${refusal.slug.replaceAll("-", "_")}`, i18n_args: {}, request_id: id, requestId: id, error: refusal.message,
    trace_id: randomUUID().replaceAll("-", ""), span_id: randomUUID().replaceAll("-", "").slice(16), service: "example",
    timestamp: instant(Date.now()), ...(refusal.errors ? { errors: refusal.errors } : {}),
  };
}

createServer((request, response) => {
  const [path, text = ""] = request.url.split("?");
  const id = /^[\x20-\x7e]{1,128}$/.test(request.headers["x-request-id"] ?? "") ? request.headers["x-request-id"] : `req_${randomUUID()}`;
  const headers = { "X-Request-ID": id, "Cache-Control": "no-store" };
  const [pattern, scheme, answer] = ROUTES.find(([one]) => one.test(path)) ?? [];
  let [status, document] = [200, null];
  try {
    if (!pattern) throw new Refusal(404, "not-found", "There is nothing here.");
    if (request.method !== "GET") throw new Refusal(405, "method-not-allowed", "This may only be read.");
    document = answer(request, new URLSearchParams(text), pattern.exec(path).slice(1));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    [status, document] = [error.status, problem(error, path, id)];
    if (status === 401) headers["WWW-Authenticate"] = `${scheme} realm="example"`;
    if (status === 405) headers.Allow = "GET";
    headers["Content-Language"] = "en";
  }
  headers["Content-Type"] = status === 200 ? "application/json" : "application/problem+json";
  response.writeHead(status, headers).end(JSON.stringify(document));
}).listen(+PORT, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${PORT}`));
