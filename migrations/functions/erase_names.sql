-- Phase of `erase_step`: takes the names of the user out of events in the inboxes of others. The payload keeps what the frame needs.
CREATE OR REPLACE FUNCTION erase_names(erased int, done_user bigint, done_seq bigint, max_rows int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  names CONSTANT jsonb := jsonb_build_object('username', 'deleted-' || erased, 'display_name', '');
  beyond CONSTANT text[] := ARRAY['avatar_url', 'metadata', 'external_id'];
  event_users int[];
  event_seqs bigint[];
BEGIN
  SELECT array_agg(x.user_id), array_agg(x.seq) INTO event_users, event_seqs FROM (
    SELECT e.user_id, e.seq FROM inbox_events e
    WHERE coalesce(
        e.payload #>> '{member,user_id}', e.payload #>> '{conversation,with,user_id}', e.payload #>> '{user,id}'
      )::int = erased
      AND (e.user_id, e.seq) > (done_user, done_seq)
    ORDER BY e.user_id, e.seq LIMIT max_rows
  ) x;
  UPDATE inbox_events e SET payload = CASE
      WHEN e.payload ? 'member' THEN jsonb_set(e.payload, '{member}', (e.payload -> 'member') - beyond || names)
      WHEN e.payload ? 'user' THEN jsonb_set(e.payload, '{user}', (e.payload -> 'user') - beyond || names)
      ELSE jsonb_set(e.payload, '{conversation,with}', (e.payload #> '{conversation,with}') - beyond || names)
    END
    FROM unnest(event_users, event_seqs) x (user_id, seq) WHERE e.user_id = x.user_id AND e.seq = x.seq;
  PERFORM move_erasure(
    erased, event_users[cardinality(event_users)], event_seqs[cardinality(event_seqs)]
  );
END $$
