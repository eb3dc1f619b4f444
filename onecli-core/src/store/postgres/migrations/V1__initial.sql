CREATE TABLE policy_version (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    version BIGINT NOT NULL
);
INSERT INTO policy_version (only_row, version) VALUES (1, 1);

-- Whoever listens hears of a change when it is committed.
CREATE FUNCTION tell_policy_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('onecli_policy', NEW.version::text);
    RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER UPDATE ON policy_version FOR EACH ROW EXECUTE FUNCTION tell_policy_version();

CREATE TABLE agents (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    identifier TEXT NOT NULL CONSTRAINT identifiers_are_unique UNIQUE,
    is_default BOOLEAN NOT NULL,
    secret_mode TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    parent_id UUID REFERENCES agents (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ,
    expires_at TIMESTAMPTZ,
    token_hash BYTEA NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    sealed_token BYTEA NOT NULL
);
CREATE UNIQUE INDEX one_default_agent ON agents (is_default) WHERE is_default;
CREATE INDEX agents_by_parent ON agents (parent_id);

CREATE TABLE secrets (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT secret_names_are_unique UNIQUE,
    kind TEXT NOT NULL,
    host_pattern TEXT NOT NULL,
    path_pattern TEXT NOT NULL,
    injection TEXT NOT NULL,
    allow_plain_http BOOLEAN NOT NULL,
    preview TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    expires_at TIMESTAMPTZ,
    sealed_value BYTEA NOT NULL
);

CREATE TABLE agent_secrets (
    agent_id UUID NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    secret_id UUID NOT NULL REFERENCES secrets (id) ON DELETE CASCADE,
    PRIMARY KEY (agent_id, secret_id)
);
CREATE INDEX agent_secrets_by_secret ON agent_secrets (secret_id);

CREATE TABLE rules (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    host_pattern TEXT NOT NULL,
    path_pattern TEXT NOT NULL,
    methods TEXT NOT NULL,
    conditions TEXT NOT NULL,
    action TEXT NOT NULL,
    rate_limit BIGINT,
    rate_limit_seconds BIGINT,
    enabled BOOLEAN NOT NULL,
    agent_id UUID REFERENCES agents (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX rules_by_agent ON rules (agent_id);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    variable TEXT,
    changed BOOLEAN NOT NULL
);

CREATE TABLE blobs (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE api_keys (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BYTEA NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    prefix TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ
);

-- The newest rows have the greatest numbers, in the order in which they were committed: batches are written one after the other.
CREATE TABLE audit_events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    at TIMESTAMPTZ NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT,
    source TEXT,
    agent_id UUID,
    agent_name TEXT,
    parent_agent_id UUID,
    method TEXT,
    scheme TEXT,
    host TEXT,
    port INTEGER,
    path TEXT,
    decision TEXT NOT NULL,
    reason TEXT,
    not_injected_because TEXT,
    rule_id UUID,
    rule_name TEXT,
    secret_ids UUID[] NOT NULL,
    limits JSONB NOT NULL,
    gateway TEXT NOT NULL,
    status INTEGER,
    request_bytes BIGINT NOT NULL,
    response_bytes BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    count BIGINT NOT NULL,
    error TEXT
);
CREATE INDEX audit_events_by_time ON audit_events (at);
CREATE INDEX audit_events_by_agent ON audit_events (agent_id, seq);
CREATE INDEX audit_events_by_parent ON audit_events (parent_agent_id, seq) WHERE parent_agent_id IS NOT NULL;
CREATE INDEX audit_events_by_host ON audit_events (host, seq);
-- Most events are of what was allowed: a walk by seq finds those as soon.
CREATE INDEX audit_events_by_decision ON audit_events (decision, seq) WHERE decision <> 'allowed';
