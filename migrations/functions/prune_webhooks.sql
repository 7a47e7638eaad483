-- Retires the endpoints that no node has served for a day, and deletes what waits for them, and dead letters that are older than
-- 30 days: at most `batch` rows of each. Answers the most rows that one of the three deleted.
CREATE OR REPLACE FUNCTION prune_webhooks(batch int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
  unserved CONSTANT interval := '1 day';
  kept CONSTANT interval := '30 days';
  deleted int;
  most int := 0;
BEGIN
  UPDATE webhook_endpoints e SET retired = true
    WHERE NOT e.retired AND e.seen_at < clock_timestamp() - unserved;
  DELETE FROM webhook_events e WHERE (e.endpoint_id, e.id) IN (
    SELECT w.endpoint_id, w.id FROM webhook_endpoints r JOIN webhook_events w ON w.endpoint_id = r.id
    WHERE r.retired LIMIT batch
  );
  GET DIAGNOSTICS deleted = ROW_COUNT;
  most := greatest(most, deleted);
  DELETE FROM webhook_dead_letters d WHERE (d.id, d.endpoint_id) IN (
    SELECT l.id, l.endpoint_id FROM webhook_dead_letters l WHERE l.died_at < clock_timestamp() - kept
    ORDER BY l.died_at LIMIT batch
  );
  GET DIAGNOSTICS deleted = ROW_COUNT;
  most := greatest(most, deleted);
  RETURN most;
END $$
