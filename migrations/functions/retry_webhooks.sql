-- Puts dead letters back into the queue, all of them or those of one event, at most `batch`, and answers how many. They are tried
-- at once, with as much time as a new event has.
CREATE OR REPLACE FUNCTION retry_webhooks(event uuid, batch int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
  retried int;
BEGIN
  WITH letter AS (
    DELETE FROM webhook_dead_letters d
    WHERE (d.id, d.endpoint_id) IN (
      SELECT l.id, l.endpoint_id FROM webhook_dead_letters l
      WHERE event IS NULL OR l.webhook_id = event ORDER BY l.id, l.endpoint_id LIMIT batch FOR UPDATE SKIP LOCKED
    )
    RETURNING d.*
  )
  INSERT INTO webhook_events (endpoint_id, id, webhook_id, lane, type, message_id, user_id, report_id, happened_at,
      offline_user_ids, presence_known)
    SELECT l.endpoint_id, l.id, l.webhook_id, l.lane, l.type, l.message_id, l.user_id, l.report_id, l.happened_at,
      l.offline_user_ids, l.presence_known
    FROM letter l ORDER BY l.id;
  GET DIAGNOSTICS retried = ROW_COUNT;
  RETURN retried;
END $$
