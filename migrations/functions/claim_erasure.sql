-- Takes the unfinished erasure that has waited longest, for so many seconds, and answers whose it is; null when there is none.
CREATE OR REPLACE FUNCTION claim_erasure(lease_seconds int) RETURNS int
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  -- A variable: PostgreSQL would not look up `clock_timestamp()` in an index.
  now CONSTANT timestamptz := clock_timestamp();
  claimed int;
BEGIN
  SELECT e.user_id INTO claimed FROM erasures e
    WHERE e.finished_at IS NULL AND e.leased_until < now
    ORDER BY e.leased_until LIMIT 1 FOR UPDATE SKIP LOCKED;
  UPDATE erasures e SET leased_until = now + make_interval(secs => lease_seconds) WHERE e.user_id = claimed;
  RETURN claimed;
END $$
