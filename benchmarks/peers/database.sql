-- The database of every peer but better-auth, which has tables of its own. The same columns, indexes and counters as
-- the service under test, without its tables for users and tenants.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    authenticated_at TEXT NOT NULL,
    last_active_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    idle_expires_at TEXT NOT NULL,
    revoked_at TEXT,
    due_at TEXT,
    amr TEXT,
    role TEXT,
    app_id TEXT,
    device_id TEXT,
    device_fingerprint TEXT,
    device_type TEXT,
    browser TEXT,
    os TEXT,
    ip TEXT,
    user_agent TEXT,
    geoip TEXT
) WITHOUT ROWID;

CREATE INDEX ix_sessions_user ON sessions (tenant_id, user_id, id);
CREATE INDEX ix_sessions_active ON sessions (tenant_id, user_id, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX ix_sessions_revoked ON sessions (tenant_id, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX ix_sessions_device ON sessions (tenant_id, device_id, id) WHERE device_id IS NOT NULL;
CREATE INDEX ix_sessions_due ON sessions (tenant_id, due_at) WHERE due_at IS NOT NULL;

-- `created` by device type, `revoked`, `expired`; the last as far as expiry has been counted.
CREATE TABLE session_counters (
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    device_type TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, kind, device_type)
) WITHOUT ROWID;

-- The refresh state of a session, and the inventory of issued tokens; tokens are known by their hashes.
CREATE TABLE session_tokens (
    tenant_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    first_generation INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    nonce TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    previous_hash TEXT,
    rotated_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    successor_used INTEGER NOT NULL,
    client_id TEXT,
    PRIMARY KEY (tenant_id, session_id)
);

CREATE TABLE issued_tokens (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    session_id TEXT,
    user_id TEXT NOT NULL,
    token_type TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT,
    ip TEXT,
    user_agent TEXT,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX ux_issued_tokens_hash ON issued_tokens (tenant_id, token_hash);
CREATE INDEX ix_issued_tokens_user ON issued_tokens (tenant_id, user_id, id);
CREATE INDEX ix_issued_tokens_expiry ON issued_tokens (tenant_id, expires_at);
