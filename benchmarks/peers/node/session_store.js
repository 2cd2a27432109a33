// The store of Fastify and Express: better-sqlite3, prepared statements, one connection.
import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import { makePair } from "./token_pair.js";

const PRAGMAS = ["journal_mode = WAL", "synchronous = FULL", "cache_size = -16384", "mmap_size = 268435456"];
const SHOWN = `id, tenant_id, user_id, created_at, authenticated_at, last_active_at, expires_at, idle_expires_at,
  amr, device_id, device_type, ip, user_agent, geoip`;
const ACTIVE = `tenant_id = @tenant AND user_id = @user AND revoked_at IS NULL
  AND expires_at > @now AND idle_expires_at > @now`;
const HOUR = 3_600_000;

export class SessionStore {
  constructor(path) {
    const database = new Database(path);
    for (const pragma of PRAGMAS) database.pragma(pragma);
    this.countStatement = database.prepare(`SELECT count(*) FROM sessions WHERE ${ACTIVE}`).pluck();
    this.listStatement = database.prepare(
      `SELECT ${SHOWN} FROM sessions WHERE ${ACTIVE} ORDER BY id DESC LIMIT @size OFFSET @offset`,
    );
    this.countersStatement = database.prepare(
      "SELECT kind, device_type, value FROM session_counters WHERE tenant_id = ?",
    );
    this.endedStatement = database
      .prepare("SELECT count(*) FROM sessions WHERE tenant_id = ? AND due_at IS NOT NULL AND due_at <= ?")
      .pluck();
    const insert = database.prepare(`INSERT INTO sessions
      (tenant_id, id, user_id, created_at, authenticated_at, last_active_at, expires_at, idle_expires_at, due_at,
       amr, role, app_id, device_id, device_fingerprint, device_type, browser, os, ip, user_agent)
      VALUES (@tenant_id, @id, @user_id, @created_at, @created_at, @created_at, @expires_at, @idle_expires_at,
       @idle_expires_at, @amr, @role, @app_id, @device_id, @device_fingerprint, @device_type, @browser, @os, @ip,
       @user_agent)`);
    const count = database.prepare(`INSERT INTO session_counters (tenant_id, kind, device_type, value)
      VALUES (?, 'created', ?, 1)
      ON CONFLICT (tenant_id, kind, device_type) DO UPDATE SET value = value + 1`);
    const beginTokens = database.prepare(`INSERT INTO session_tokens
      (tenant_id, session_id, first_generation, generation, nonce, token_hash, rotated_at, expires_at, successor_used,
       client_id)
      VALUES (?, ?, 0, 0, ?, ?, ?, ?, 0, ?)`);
    const enterToken = database.prepare(`INSERT INTO issued_tokens
      (tenant_id, id, session_id, user_id, token_type, token_hash, created_at, expires_at, ip, user_agent)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.write = database.transaction((row, pair) => {
      insert.run(row);
      count.run(row.tenant_id, row.device_type ?? "unknown");
      const end = (token) => new Date(Date.parse(row.created_at) + token.seconds * 1000).toISOString();
      const nonce = randomBytes(32).toString("hex");
      const { refresh } = pair;
      beginTokens.run(row.tenant_id, row.id, nonce, refresh.hash, row.created_at, end(refresh), row.app_id);
      for (const token of [refresh, pair.access]) {
        enterToken.run(
          row.tenant_id, token.id, row.id, row.user_id, token.type, token.hash, row.created_at, end(token), row.ip,
          row.user_agent,
        );
      }
    }).immediate;
  }

  countActive(tenant, user, now) {
    return this.countStatement.get({ tenant, user, now });
  }

  listActive(tenant, user, now, page, size) {
    const rows = this.listStatement.all({ tenant, user, now, size, offset: (page - 1) * size });
    const total = page === 1 && rows.length < size ? rows.length : this.countActive(tenant, user, now);
    return { rows, total };
  }

  create(tenant, body) {
    const milliseconds = Date.now();
    const row = {
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
    const pair = makePair(row, body.amr);
    this.write(row, pair);
    return { row, pair };
  }

  statistics(tenant, now) {
    const counters = this.countersStatement.all(tenant);
    if (counters.length === 0) return null;
    const devices = {};
    let total = 0;
    let revoked = 0;
    let expired = this.endedStatement.get(tenant, now);
    for (const { kind, device_type: device, value } of counters) {
      if (kind === "created") {
        devices[device] = value;
        total += value;
      } else if (kind === "revoked") revoked += value;
      else expired += value;
    }
    return { total, active: total - revoked - expired, expired, revoked, devices };
  }
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
