-- Retires the endpoints that no node has served for a day. Deletes what waits for those that were retired an hour ago and not
-- served since, and dead letters that are older than 30 days: at most `batch` rows of each. Answers the most rows that it deleted
-- of one kind.
--
-- After a backup was restored under running nodes, each endpoint looks unserved until its node registers it again: hence the hour.
-- An event that was sent again as a dead letter becomes one again: its sender asked for a delivery that never came.
CREATE OR REPLACE FUNCTION prune_webhooks(batch int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
  -- A variable: PostgreSQL would not look up `clock_timestamp()` in an index, and read all dead letters.
  now CONSTANT timestamptz := clock_timestamp();
  unserved CONSTANT interval := '1 day';
  grace CONSTANT interval := '1 hour';
  kept CONSTANT interval := '30 days';
  -- How long an event is tried at most, with what passes between its commit and its start.
  tried CONSTANT interval := '3 days 1 minute';
  endpoint int;
  deleted int;
  most int := 0;
BEGIN
  UPDATE webhook_endpoints e SET retired = true, retired_at = now
    WHERE e.seen_at < now - unserved AND (NOT e.retired OR e.retired_at IS NULL);
  -- No node serves a locked endpoint again, and no event is written for it, until this commits.
  FOR endpoint IN
    SELECT e.id FROM webhook_endpoints e WHERE e.retired AND e.retired_at < now - grace ORDER BY e.id FOR UPDATE SKIP LOCKED
  LOOP
    EXIT WHEN most = batch;
    -- The youngest first. When a node serves the endpoint again, the first event of each lane is still there, behind which the others wait.
    WITH gone AS (
      DELETE FROM webhook_events e WHERE e.ctid = ANY (ARRAY(
        SELECT w.ctid FROM webhook_events w WHERE w.endpoint_id = endpoint ORDER BY w.id DESC LIMIT batch - most
      ))
      RETURNING e.*
    ), dead AS (
      INSERT INTO webhook_dead_letters (endpoint_id, id, webhook_id, lane, type, message_id, user_id, report_id, happened_at,
          attempts, offline_user_ids, presence_known, reason)
        SELECT g.endpoint_id, g.id, g.webhook_id, g.lane, g.type, g.message_id, g.user_id, g.report_id, g.happened_at,
          g.attempts, g.offline_user_ids, g.presence_known, 'no node serves the URL'
        FROM gone g WHERE g.give_up_at > g.happened_at + tried
        ON CONFLICT DO NOTHING
    )
    SELECT most + count(*) INTO most FROM gone;
  END LOOP;
  -- By their places in the table: by their ids PostgreSQL may read all dead letters.
  DELETE FROM webhook_dead_letters d WHERE d.ctid = ANY (ARRAY(
    SELECT l.ctid FROM webhook_dead_letters l WHERE l.died_at < now - kept ORDER BY l.died_at LIMIT batch
  ));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  most := greatest(most, deleted);
  RETURN most;
END $$
