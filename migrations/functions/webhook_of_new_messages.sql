-- Writes the webhook events of messages that were inserted, in the order of their ids: nothing while no endpoint is known.
CREATE OR REPLACE FUNCTION webhook_of_new_messages() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  message record;
BEGIN
  -- Asked here, too: a call for each message takes a send longer than this look-up.
  IF NOT EXISTS (SELECT FROM webhook_endpoints w WHERE NOT w.retired) THEN
    RETURN NULL;
  END IF;
  FOR message IN SELECT a.id, a.conversation_id FROM added a ORDER BY a.id LOOP
    PERFORM add_webhook_events('message.created', message.conversation_id, message => message.id);
  END LOOP;
  RETURN NULL;
END $$
