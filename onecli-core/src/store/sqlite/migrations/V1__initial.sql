CREATE TABLE policy_version (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO policy_version (only_row, version) VALUES (1, 1);

CREATE TABLE agents (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    identifier TEXT NOT NULL UNIQUE,
    is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),
    secret_mode TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    parent_id TEXT REFERENCES agents (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER,
    expires_at INTEGER,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    sealed_token BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_default_agent ON agents (is_default) WHERE is_default = 1;
CREATE INDEX agents_by_parent ON agents (parent_id);

CREATE TABLE secrets (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    host_pattern TEXT NOT NULL,
    path_pattern TEXT NOT NULL,
    injection TEXT NOT NULL,
    allow_plain_http INTEGER NOT NULL CHECK (allow_plain_http IN (0, 1)),
    preview TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER,
    sealed_value BLOB NOT NULL
) STRICT;

CREATE TABLE rules (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    host_pattern TEXT NOT NULL,
    path_pattern TEXT NOT NULL,
    methods TEXT NOT NULL,
    action TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    agent_id TEXT REFERENCES agents (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX rules_by_agent ON rules (agent_id);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    variable TEXT,
    changed INTEGER NOT NULL CHECK (changed IN (0, 1))
) STRICT;

CREATE TABLE blobs (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;

CREATE TABLE audit_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT,
    source TEXT,
    agent_id TEXT,
    agent_name TEXT,
    parent_agent_id TEXT,
    method TEXT,
    scheme TEXT,
    host TEXT,
    port INTEGER,
    path TEXT,
    decision TEXT NOT NULL,
    reason TEXT,
    not_injected_because TEXT,
    rule_id TEXT,
    rule_name TEXT,
    secret_ids TEXT NOT NULL,
    gateway TEXT NOT NULL,
    status INTEGER,
    request_bytes INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX audit_events_by_time ON audit_events (at);
CREATE INDEX audit_events_by_agent ON audit_events (agent_id, seq);
CREATE INDEX audit_events_by_host ON audit_events (host, seq);
CREATE INDEX audit_events_by_decision ON audit_events (decision, seq);
