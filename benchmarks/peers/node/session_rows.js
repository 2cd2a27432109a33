// What both stores make of a request before they write, and of counters after they have read.
import { randomBytes } from "node:crypto";

const HOUR = 3_600_000;

// The row of a new session.
export function newSession(tenant, body) {
  const milliseconds = Date.now();
  return {
    tenant_id: tenant,
    id: `sess_${uuid7(milliseconds)}`,
    user_id: body.auth_user_id,
    created_at: new Date(milliseconds).toISOString(),
    expires_at: new Date(milliseconds + 24 * HOUR).toISOString(),
    idle_expires_at: new Date(milliseconds + 4 * HOUR).toISOString(),
    amr: body.amr ? body.amr.join(",") : null,
    role: body.role ?? null,
    app_id: body.app_id ?? null,
    device_id: body.device_id ?? null,
    device_fingerprint: body.device_fingerprint ?? null,
    device_type: body.device_type ?? null,
    browser: body.browser ?? null,
    os: body.os ?? null,
    ip: body.ip ?? null,
    user_agent: body.user_agent ?? null,
  };
}

// When a token of a new session ends.
export function endOf(row, token) {
  return new Date(Date.parse(row.created_at) + token.seconds * 1000).toISOString();
}

// A tenant's numbers: its counters, and how many sessions have ended that nobody has counted yet.
export function summed(counters, ended) {
  const devices = {};
  let total = 0;
  let revoked = 0;
  let expired = ended;
  for (const { kind, device_type: device, value } of counters) {
    if (kind === "created") {
      devices[device] = value;
      total += value;
    } else if (kind === "revoked") revoked += value;
    else expired += value;
  }
  return { total, active: total - revoked - expired, expired, revoked, devices };
}

// A UUID version 7 (RFC 9562 §5.7).
function uuid7(milliseconds) {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(milliseconds, 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const text = bytes.toString("hex");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
