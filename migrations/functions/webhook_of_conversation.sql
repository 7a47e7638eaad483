-- Writes the webhook events of a conversation.
CREATE OR REPLACE FUNCTION webhook_of_conversation() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM add_webhook_events(
    CASE TG_OP WHEN 'INSERT' THEN 'conversation.created' ELSE 'conversation.updated' END, NEW.id
  );
  RETURN NULL;
END $$
