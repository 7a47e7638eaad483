-- Writes an event for each endpoint that nodes serve, in the transaction of its fact. The ids of a lane ascend in the order of its
-- commits: until then a fact of a conversation holds the locks of the inboxes of its members, or made the conversation, and a fact of
-- a user holds the user's row.
CREATE OR REPLACE FUNCTION add_webhook_events(
  type text, lane bigint, message bigint DEFAULT NULL, about_user int DEFAULT NULL, report bigint DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  new_id bigint;
  new_webhook_id uuid;
BEGIN
  IF NOT EXISTS (SELECT FROM webhook_endpoints e WHERE NOT e.retired) THEN
    RETURN;
  END IF;
  new_id := nextval('webhook_event_ids');
  new_webhook_id := gen_random_uuid();
  INSERT INTO webhook_events (endpoint_id, id, webhook_id, lane, type, message_id, user_id, report_id)
    SELECT e.id, new_id, new_webhook_id, add_webhook_events.lane, add_webhook_events.type, message, about_user, report
    FROM webhook_endpoints e WHERE NOT e.retired;
END $$
