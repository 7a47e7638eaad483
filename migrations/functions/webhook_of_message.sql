-- Writes the webhook events of a message: nothing while no endpoint is known.
CREATE OR REPLACE FUNCTION webhook_of_message() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  -- Asked here, too: the call alone takes a send longer than this look-up.
  IF NOT EXISTS (SELECT FROM webhook_endpoints w WHERE NOT w.retired) THEN
    RETURN NULL;
  END IF;
  PERFORM add_webhook_events(
    CASE
      WHEN TG_OP = 'INSERT' THEN 'message.created'
      WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL THEN 'message.deleted'
      ELSE 'message.updated'
    END,
    NEW.conversation_id, message => NEW.id
  );
  RETURN NULL;
END $$
