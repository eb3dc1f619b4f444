-- What is locked while a limit is taken from.
CREATE TABLE limit_counters (
    rule_id UUID NOT NULL,
    agent_id UUID NOT NULL,
    PRIMARY KEY (rule_id, agent_id)
);

-- Takings of spans of time, in microseconds since 1970.
CREATE TABLE limit_takings (
    rule_id UUID NOT NULL,
    agent_id UUID NOT NULL,
    bucket_start BIGINT NOT NULL,
    bucket_end BIGINT NOT NULL,
    takings BIGINT NOT NULL,
    PRIMARY KEY (rule_id, agent_id, bucket_start, bucket_end)
);

-- Takes one from each of these limits, or from none. It counts as store/sliding.rs does, by this database's clock, which is read
-- once the counters are locked. Windows are in seconds.
CREATE FUNCTION take_limits(rules UUID[], agents UUID[], limits BIGINT[], windows BIGINT[])
RETURNS TABLE (full_claim INTEGER, used BIGINT[], retry_after_micros BIGINT) LANGUAGE plpgsql AS $$
DECLARE
    now_micros BIGINT;
    counted BIGINT;
    counts BIGINT[] := '{}';
    wait BIGINT;
    horizon BIGINT;
    width BIGINT;
    start BIGINT;
    fresh BOOLEAN;
BEGIN
    -- In one order, so that two takings never wait for each other in a ring.
    INSERT INTO limit_counters (rule_id, agent_id)
        SELECT claim.rule, claim.agent FROM unnest(rules, agents) AS claim (rule, agent) ORDER BY 1, 2
        ON CONFLICT DO NOTHING;
    PERFORM 1 FROM limit_counters AS counter
        JOIN unnest(rules, agents) AS claim (rule, agent)
        ON counter.rule_id = claim.rule AND counter.agent_id = claim.agent
        ORDER BY counter.rule_id, counter.agent_id FOR UPDATE OF counter;
    now_micros := (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT;
    FOR claim IN 1 .. cardinality(rules) LOOP
        horizon := now_micros - windows[claim] * 1000000;
        SELECT coalesce(sum(takings), 0) INTO counted FROM limit_takings
            WHERE rule_id = rules[claim] AND agent_id = agents[claim] AND bucket_end > horizon;
        IF counted >= limits[claim] THEN
            SELECT ended.bucket_end - horizon INTO wait FROM (
                SELECT bucket_end, sum(takings) OVER (ORDER BY bucket_end, bucket_start) AS gone FROM limit_takings
                    WHERE rule_id = rules[claim] AND agent_id = agents[claim] AND bucket_end > horizon
            ) AS ended WHERE counted - ended.gone < limits[claim] ORDER BY ended.bucket_end LIMIT 1;
            RETURN QUERY SELECT claim - 1, ARRAY[counted], coalesce(wait, 0);
            RETURN;
        END IF;
        counts := counts || counted + 1;
    END LOOP;
    FOR claim IN 1 .. cardinality(rules) LOOP
        horizon := now_micros - windows[claim] * 1000000;
        width := (windows[claim] * 1000000 + 63) / 64;
        start := now_micros / width * width;
        INSERT INTO limit_takings AS taken (rule_id, agent_id, bucket_start, bucket_end, takings)
            VALUES (rules[claim], agents[claim], start, start + width, 1)
            ON CONFLICT (rule_id, agent_id, bucket_start, bucket_end) DO UPDATE SET takings = taken.takings + 1
            RETURNING taken.takings = 1 INTO fresh;
        IF fresh THEN
            DELETE FROM limit_takings
                WHERE rule_id = rules[claim] AND agent_id = agents[claim] AND bucket_end <= horizon;
        END IF;
    END LOOP;
    RETURN QUERY SELECT NULL::INTEGER, counts, NULL::BIGINT;
END $$;
