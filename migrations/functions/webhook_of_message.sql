-- Writes the webhook events of a message that was changed.
CREATE OR REPLACE FUNCTION webhook_of_message() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM add_webhook_events(
    CASE WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL THEN 'message.deleted' ELSE 'message.updated' END,
    NEW.conversation_id, message => NEW.id
  );
  RETURN NULL;
END $$
