// What Fastify compiles: checks of what comes in, serialisers of what goes out.
const id = { type: "string", minLength: 1, maxLength: 255, pattern: "^[^\\x00-\\x20\\x7f]([^\\x00-\\x1f\\x7f]*[^\\x00-\\x20\\x7f])?$" };
const text = (maxLength) => ({ type: "string", minLength: 1, maxLength, pattern: "^[^\\x00-\\x1f\\x7f]+$" });
const integer = { type: "integer" };
const string = { type: "string" };

const tenantHeader = {
  type: "object",
  required: ["x-tenant-id"],
  properties: { "x-tenant-id": { type: "string", minLength: 1, maxLength: 128, pattern: "^[A-Za-z0-9._:@|~+=-]+$" } },
};
const nothing = { type: "object", additionalProperties: false, properties: {} };
const user = { type: "object", required: ["user_id"], properties: { user_id: id } };

const session = {
  type: "object",
  properties: Object.fromEntries(
    [
      "id", "tenant_id", "user_id", "status", "created_at", "authenticated_at", "last_active_at", "expires_at",
      "idle_expires_at", "amr", "device_id", "device_type", "ip", "user_agent", "geoip",
    ].map((name) => [name, string]),
  ),
};
const tokens = {
  type: "object",
  properties: { access_token: string, expires_in: integer, refresh_token: string, token_type: string },
};
const pagination = {
  type: "object",
  properties: {
    page: integer,
    page_size: integer,
    total: integer,
    total_pages: integer,
    has_next: { type: "boolean" },
    has_prev: { type: "boolean" },
  },
};
const envelope = { code: integer, message: string, timestamp: string };

export const checkUserActive = {
  params: user,
  headers: tenantHeader,
  querystring: nothing,
  response: { 200: { type: "object", properties: { active: { type: "boolean" }, session_count: integer } } },
};

export const listUserSessions = {
  params: user,
  headers: tenantHeader,
  querystring: {
    type: "object",
    additionalProperties: false,
    properties: {
      page: { type: "integer", minimum: 1, maximum: 2147483647, default: 1 },
      page_size: { type: "integer", minimum: 1, maximum: 500, default: 100 },
    },
  },
  response: {
    200: {
      type: "object",
      properties: { ...envelope, items: { type: "array", items: session }, total: integer, pagination },
    },
  },
};

export const createSession = {
  headers: tenantHeader,
  querystring: nothing,
  body: {
    type: "object",
    additionalProperties: false,
    required: ["auth_user_id"],
    properties: {
      auth_user_id: id,
      username: id,
      amr: {
        type: "array",
        minItems: 1,
        maxItems: 16,
        uniqueItems: true,
        items: { type: "string", minLength: 1, maxLength: 64, pattern: "^[A-Za-z0-9][A-Za-z0-9._:/-]*$" },
      },
      role: { type: "string", minLength: 1, maxLength: 64, pattern: "^[A-Za-z][A-Za-z0-9_.:-]*$" },
      app_id: id,
      device_id: id,
      device_fingerprint: id,
      device_type: { type: "string", minLength: 1, maxLength: 32, pattern: "^[a-z][a-z0-9_-]*$" },
      browser: text(128),
      os: text(128),
      ip: { type: "string", anyOf: [{ format: "ipv4" }, { format: "ipv6" }] },
      user_agent: text(1024),
    },
  },
  response: {
    201: {
      type: "object",
      properties: { ...envelope, data: { type: "object", properties: { session, tokens } } },
    },
  },
};

export const getSessionStats = {
  querystring: nothing,
  response: {
    200: {
      type: "object",
      properties: {
        user_id: string,
        total_sessions: integer,
        active_sessions: integer,
        expired_sessions: integer,
        revoked_sessions: integer,
        device_breakdown: { type: "object", additionalProperties: integer },
        updated_at: string,
      },
    },
  },
};
