CREATE TABLE gateways (
    id TEXT PRIMARY KEY,
    host_name TEXT NOT NULL,
    version TEXT NOT NULL,
    addresses TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT;
