-- Puts dead letters back into the queue, all of them or those of one event, at most `batch`, and answers how many. They are tried
-- at once, with as much time as a new event has. A letter of an endpoint that no node serves goes to the endpoint whose URL has the
-- hash `target`, and stays a dead letter when no node serves that one either.
CREATE OR REPLACE FUNCTION retry_webhooks(event uuid, target text, batch int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
  served CONSTANT int[] := served_webhook_endpoints();
  target_id CONSTANT int := (SELECT e.id FROM webhook_endpoints e WHERE e.url_hash = target AND e.id = ANY (served));
  retried int;
BEGIN
  WITH letter AS (
    DELETE FROM webhook_dead_letters d
    WHERE (d.id, d.endpoint_id) IN (
      SELECT l.id, l.endpoint_id FROM webhook_dead_letters l
      WHERE (event IS NULL OR l.webhook_id = event) AND (target_id IS NOT NULL OR l.endpoint_id = ANY (served))
      ORDER BY l.id, l.endpoint_id LIMIT batch FOR UPDATE SKIP LOCKED
    )
    RETURNING d.*
  ), queued AS (
    -- The event may wait for the endpoint already: as its own dead letter in this call, or because it never died there.
    INSERT INTO webhook_events (endpoint_id, id, webhook_id, lane, type, message_id, user_id, report_id, happened_at,
        offline_user_ids, presence_known)
      SELECT CASE WHEN l.endpoint_id = ANY (served) THEN l.endpoint_id ELSE target_id END, l.id, l.webhook_id, l.lane, l.type,
        l.message_id, l.user_id, l.report_id, l.happened_at, l.offline_user_ids, l.presence_known
      FROM letter l ORDER BY l.id
      ON CONFLICT DO NOTHING
  )
  SELECT count(*) INTO retried FROM letter;
  RETURN retried;
END $$
