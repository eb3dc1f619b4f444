-- The audit log of an agent has its children's events too.
CREATE INDEX audit_events_by_parent ON audit_events (parent_agent_id, seq) WHERE parent_agent_id IS NOT NULL;
