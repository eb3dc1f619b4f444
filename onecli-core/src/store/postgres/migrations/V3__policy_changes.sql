-- What has changed in which version, so that gateways read no more than that.
CREATE TABLE policy_changes (
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id UUID NOT NULL,
    PRIMARY KEY (version, kind, id)
);

-- Arguments: the kind, and the column that holds the id; none: the kind has no ids.
CREATE FUNCTION note_policy_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed JSONB;
    id UUID := '00000000-0000-0000-0000-000000000000';
BEGIN
    IF TG_OP = 'DELETE' THEN
        changed := to_jsonb(OLD);
    ELSE
        changed := to_jsonb(NEW);
    END IF;
    IF TG_NARGS > 1 THEN
        id := (changed ->> TG_ARGV[1])::UUID;
    END IF;
    INSERT INTO policy_changes (version, kind, id) SELECT version, TG_ARGV[0], id FROM policy_version
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- Times of last use are for people, and no change of the policy.
CREATE TRIGGER note AFTER INSERT OR DELETE
    OR UPDATE OF name, identifier, is_default, secret_mode, enabled, parent_id, expires_at, token_hash, sealed_token ON agents
    FOR EACH ROW EXECUTE FUNCTION note_policy_change('agent', 'id');
CREATE TRIGGER note AFTER INSERT OR DELETE OR UPDATE ON agent_secrets
    FOR EACH ROW EXECUTE FUNCTION note_policy_change('assigned', 'agent_id');
CREATE TRIGGER note AFTER INSERT OR DELETE
    OR UPDATE OF name, kind, host_pattern, path_pattern, injection, allow_plain_http, expires_at, sealed_value ON secrets
    FOR EACH ROW EXECUTE FUNCTION note_policy_change('secret', 'id');
CREATE TRIGGER note AFTER INSERT OR DELETE OR UPDATE ON rules
    FOR EACH ROW EXECUTE FUNCTION note_policy_change('rule', 'id');
CREATE TRIGGER note AFTER INSERT OR DELETE OR UPDATE ON settings
    FOR EACH ROW EXECUTE FUNCTION note_policy_change('settings');
