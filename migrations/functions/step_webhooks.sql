-- Takes in how attempts ended, then leases events that are due to the caller, at most `free`, and answers them. Nothing runs beside it
-- for the same endpoint, and each of its statements sees what was committed before: so an event is leased only when no earlier one
-- of its lane is left. It waits for no lock: when another node is at it, the answer is one row without an id, and nothing was done.
--
-- `outcomes` are 'delivered', 'retry' (after so many seconds) and 'dead'. One whose lease another node took over is ignored.
-- An attempt that fails when no `seconds_left` remain is the last one: the caller reports it as 'dead'.
-- An event behind another of its lane is due at infinity until that one is delivered or dead.
CREATE OR REPLACE FUNCTION step_webhooks(
  endpoint int, ids bigint[], used_attempts int[], outcomes text[], delays float8[], reasons text[], offline text[],
  known boolean[], free int, lease_seconds float8
) RETURNS TABLE (
  id bigint, webhook_id uuid, lane bigint, type text, message_id bigint, user_id int, report_id bigint,
  happened_at timestamptz, attempts int, offline_user_ids int[], presence_known boolean, seconds_left float8
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  -- How many due events are looked at in one statement, and in one call.
  batch CONSTANT int := 200;
  most CONSTANT int := 2000;
  looked int := 0;
  left_over int := free;
  -- A variable: PostgreSQL would not look up `clock_timestamp()` in an index, and read all that waits.
  now timestamptz;
  found_ids bigint[];
  heads bigint[];
  freed bigint[];
BEGIN
  IF NOT pg_try_advisory_xact_lock(lock_class('webhooks of an endpoint'), endpoint) THEN
    RETURN NEXT; RETURN;
  END IF;
  -- A lost answer repeats a delivery, which may happen anyway: no commit waits for the disk.
  PERFORM set_config('synchronous_commit', 'off', true);

  IF cardinality(ids) > 0 THEN
    WITH outcome AS MATERIALIZED (
      SELECT o.* FROM unnest(ids, used_attempts, outcomes, delays, reasons, offline, known)
        AS o (id, attempts, what, delay, reason, offline, known)
    ), over AS (
      DELETE FROM webhook_events e USING outcome o
      WHERE e.endpoint_id = endpoint AND e.id = o.id AND e.attempts = o.attempts
        AND o.what <> 'retry'
      RETURNING e.*, o.what, o.reason, o.offline, o.known
    ), dead AS (
      INSERT INTO webhook_dead_letters (endpoint_id, id, webhook_id, lane, type, message_id, user_id, report_id, happened_at,
          attempts, offline_user_ids, presence_known, reason)
        SELECT endpoint, o.id, o.webhook_id, o.lane, o.type, o.message_id, o.user_id, o.report_id, o.happened_at, o.attempts,
          coalesce(o.offline_user_ids, o.offline::int[]), coalesce(o.presence_known, o.known), o.reason
        FROM over o WHERE o.what <> 'delivered'
        -- `retry_webhooks` may bring an event of another endpoint while its own dead letter is here.
        ON CONFLICT DO NOTHING
    )
    SELECT array_agg(DISTINCT o.lane) INTO freed FROM over o;

    UPDATE webhook_events e SET
        due_at = clock_timestamp() + make_interval(secs => o.delay),
        offline_user_ids = coalesce(e.offline_user_ids, o.offline::int[]),
        presence_known = coalesce(e.presence_known, o.known)
      FROM unnest(ids, used_attempts, outcomes, delays, offline, known) AS o (id, attempts, what, delay, offline, known)
      WHERE e.endpoint_id = endpoint AND e.id = o.id AND e.attempts = o.attempts AND o.what = 'retry';

    -- The condition on `due_at` is not that of the UPDATE: PostgreSQL may look it up in an index, and read all that waits.
    heads := ARRAY(
      SELECT n.id FROM unnest(freed) AS f (lane) CROSS JOIN LATERAL (
        SELECT n.id, n.due_at FROM webhook_events n WHERE n.endpoint_id = endpoint AND n.lane = f.lane ORDER BY n.id LIMIT 1
      ) n WHERE n.due_at = 'infinity'
    );
    UPDATE webhook_events e SET due_at = clock_timestamp() WHERE e.endpoint_id = endpoint AND e.id = ANY (heads);
  END IF;

  now := clock_timestamp();
  WHILE left_over > 0 AND looked < most LOOP
    SELECT array_agg(d.id), array_agg(d.id) FILTER (WHERE d.is_head) INTO found_ids, heads FROM (
      SELECT e.id, NOT EXISTS (
          SELECT FROM webhook_events n WHERE n.endpoint_id = endpoint AND n.lane = e.lane AND n.id < e.id
        ) AS is_head
      FROM webhook_events e WHERE e.endpoint_id = endpoint AND e.due_at <= now
      ORDER BY e.due_at LIMIT batch
    ) d;
    EXIT WHEN found_ids IS NULL;
    looked := looked + cardinality(found_ids);
    UPDATE webhook_events e SET due_at = 'infinity'
      WHERE e.endpoint_id = endpoint AND e.id = ANY (found_ids) AND e.id <> ALL (coalesce(heads, '{}'));
    IF heads IS NOT NULL THEN
      heads := heads[1 : left_over];
      left_over := left_over - cardinality(heads);
      RETURN QUERY
        UPDATE webhook_events e
          SET due_at = clock_timestamp() + make_interval(secs => lease_seconds), attempts = e.attempts + 1
          WHERE e.endpoint_id = endpoint AND e.id = ANY (heads)
          RETURNING e.id, e.webhook_id, e.lane, e.type, e.message_id, e.user_id, e.report_id, e.happened_at::timestamptz,
            e.attempts, e.offline_user_ids, e.presence_known,
            extract(epoch FROM e.give_up_at - clock_timestamp())::float8;
    END IF;
    EXIT WHEN cardinality(found_ids) < batch;
  END LOOP;
END $$
