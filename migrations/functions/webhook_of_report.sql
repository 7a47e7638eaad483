-- Writes the webhook event of a report: behind those of the message's conversation.
CREATE OR REPLACE FUNCTION webhook_of_report() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM add_webhook_events(
    'message.reported', (SELECT m.conversation_id FROM messages m WHERE m.id = NEW.message_id),
    message => NEW.message_id, report => NEW.id
  );
  RETURN NULL;
END $$
