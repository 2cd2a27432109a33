// The store of Fastify on PostgreSQL: pg, prepared statements, a pool of as many connections as requests under way.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { endOf, newSession, summed } from "./session_rows.js";
import { makePair } from "./token_pair.js";

const CONNECTIONS = 16;
const SHOWN = `id, tenant_id, user_id, created_at, authenticated_at, last_active_at, expires_at, idle_expires_at,
  amr, device_id, device_type, ip, user_agent, geoip`;
const ACTIVE = `tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3 AND idle_expires_at > $3`;
const TEXTS = {
  count: `SELECT count(*)::int AS count FROM sessions WHERE ${ACTIVE}`,
  list: `SELECT ${SHOWN} FROM sessions WHERE ${ACTIVE} ORDER BY id DESC LIMIT $4 OFFSET $5`,
  counters: "SELECT kind, device_type, value FROM session_counters WHERE tenant_id = $1",
  ended: "SELECT count(*)::int AS count FROM sessions WHERE tenant_id = $1 AND due_at IS NOT NULL AND due_at <= $2",
  insert: `INSERT INTO sessions
    (tenant_id, id, user_id, created_at, authenticated_at, last_active_at, expires_at, idle_expires_at, due_at, amr,
     role, app_id, device_id, device_fingerprint, device_type, browser, os, ip, user_agent)
    VALUES ($1, $2, $3, $4, $4, $4, $5, $6, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
  increment: `INSERT INTO session_counters (tenant_id, kind, device_type, value) VALUES ($1, 'created', $2, 1)
    ON CONFLICT (tenant_id, kind, device_type) DO UPDATE SET value = session_counters.value + 1`,
  begin: `INSERT INTO session_tokens
    (tenant_id, session_id, first_generation, generation, nonce, token_hash, rotated_at, expires_at, successor_used,
     client_id) VALUES ($1, $2, 0, 0, $3, $4, $5, $6, 0, $7)`,
  enter: `INSERT INTO issued_tokens
    (tenant_id, id, session_id, user_id, token_type, token_hash, created_at, expires_at, ip, user_agent)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
};

export class PostgresStore {
  constructor(url) {
    this.pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  }

  async countActive(tenant, user, now) {
    const { rows } = await this.pool.query(prepared("count", [tenant, user, now]));
    return rows[0].count;
  }

  async listActive(tenant, user, now, page, size) {
    const { rows } = await this.pool.query(prepared("list", [tenant, user, now, size, (page - 1) * size]));
    const total = page === 1 && rows.length < size ? rows.length : await this.countActive(tenant, user, now);
    return { rows, total };
  }

  async create(tenant, body) {
    const row = newSession(tenant, body);
    const pair = makePair(row, body.amr);
    const { refresh } = pair;
    const nonce = randomBytes(32).toString("hex");
    const client = await this.pool.connect();
    try {
      await client.query("BEGIN");
      await client.query(prepared("insert", Object.values(row)));
      await client.query(
        prepared("begin", [tenant, row.id, nonce, refresh.hash, row.created_at, endOf(row, refresh), row.app_id]),
      );
      for (const token of [refresh, pair.access]) {
        const at = [row.created_at, endOf(row, token), row.ip, row.user_agent];
        await client.query(prepared("enter", [tenant, token.id, row.id, row.user_id, token.type, token.hash, ...at]));
      }
      await client.query(prepared("increment", [tenant, row.device_type ?? "unknown"]));
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
    return { row, pair };
  }

  async statistics(tenant, now) {
    const counters = await this.pool.query(prepared("counters", [tenant]));
    if (counters.rows.length === 0) return null;
    const ended = await this.pool.query(prepared("ended", [tenant, now]));
    return summed(counters.rows, ended.rows[0].count);
  }
}

function prepared(name, values) {
  return { name, text: TEXTS[name], values };
}
