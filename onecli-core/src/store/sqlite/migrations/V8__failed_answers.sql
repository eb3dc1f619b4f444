CREATE INDEX audit_events_by_failure ON audit_events (status, seq) WHERE status >= 400;
