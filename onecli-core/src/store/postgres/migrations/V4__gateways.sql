CREATE TABLE gateways (
    id UUID PRIMARY KEY,
    host_name TEXT NOT NULL,
    version TEXT NOT NULL,
    addresses TEXT[] NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL
);
