// The answers of Fastify and Express, as objects ready for a JSON encoder.

// What is unknown is left out: a member that is undefined is not serialised.
function sessionView(row) {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    user_id: row.user_id,
    status: "active",
    created_at: row.created_at,
    authenticated_at: row.authenticated_at ?? row.created_at,
    last_active_at: row.last_active_at ?? row.created_at,
    expires_at: row.expires_at,
    idle_expires_at: row.idle_expires_at,
    amr: row.amr ?? undefined,
    device_id: row.device_id ?? undefined,
    device_type: row.device_type ?? undefined,
    ip: row.ip ?? undefined,
    user_agent: row.user_agent ?? undefined,
    geoip: row.geoip ?? undefined,
  };
}

export function listView({ rows, total }, page, pageSize, now) {
  const pages = Math.ceil(total / pageSize);
  return {
    code: 0,
    message: "ok",
    items: rows.map(sessionView),
    total,
    pagination: {
      page,
      page_size: pageSize,
      total,
      total_pages: pages,
      has_next: page < pages,
      has_prev: page > 1 && total > 0,
    },
    timestamp: now,
  };
}

export function creationView({ row, pair }) {
  const tokens = {
    access_token: pair.access.text,
    expires_in: pair.access.seconds,
    refresh_token: pair.refresh.text,
    token_type: "Bearer",
  };
  return { code: 0, message: "ok", data: { session: sessionView(row), tokens }, timestamp: row.created_at };
}

export function statisticsView(numbers, user, now) {
  return {
    user_id: user,
    total_sessions: numbers.total,
    active_sessions: numbers.active,
    expired_sessions: numbers.expired,
    revoked_sessions: numbers.revoked,
    device_breakdown: numbers.devices,
    updated_at: now,
  };
}

export function problem(status, title, detail) {
  return { type: "about:blank", title, status, detail };
}
