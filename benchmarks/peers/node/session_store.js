// The store of Fastify and Express: better-sqlite3, prepared statements, one connection.
import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import { endOf, newSession, summed } from "./session_rows.js";
import { makePair } from "./token_pair.js";

const PRAGMAS = ["journal_mode = WAL", "synchronous = FULL", "cache_size = -16384", "mmap_size = 268435456"];
const SHOWN = `id, tenant_id, user_id, created_at, authenticated_at, last_active_at, expires_at, idle_expires_at,
  amr, device_id, device_type, ip, user_agent, geoip`;
const ACTIVE = `tenant_id = @tenant AND user_id = @user AND revoked_at IS NULL
  AND expires_at > @now AND idle_expires_at > @now`;

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
      const nonce = randomBytes(32).toString("hex");
      const { refresh } = pair;
      beginTokens.run(row.tenant_id, row.id, nonce, refresh.hash, row.created_at, endOf(row, refresh), row.app_id);
      for (const token of [refresh, pair.access]) {
        enterToken.run(
          row.tenant_id, token.id, row.id, row.user_id, token.type, token.hash, row.created_at, endOf(row, token), row.ip,
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
    const row = newSession(tenant, body);
    const pair = makePair(row, body.amr);
    this.write(row, pair);
    return { row, pair };
  }

  statistics(tenant, now) {
    const counters = this.countersStatement.all(tenant);
    if (counters.length === 0) return null;
    return summed(counters, this.endedStatement.get(tenant, now));
  }
}
