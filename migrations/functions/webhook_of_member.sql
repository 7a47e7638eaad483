-- Writes the webhook events of a member. The first members of a conversation have none of their own: they are part of the
-- conversation that the same transaction made.
CREATE OR REPLACE FUNCTION webhook_of_member() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  about CONSTANT members := coalesce(NEW, OLD);
BEGIN
  IF TG_OP = 'INSERT' AND EXISTS (
    SELECT FROM conversations c WHERE c.id = about.conversation_id AND c.xmin = pg_current_xact_id()::xid
  ) THEN
    RETURN NULL;
  END IF;
  PERFORM add_webhook_events(
    CASE TG_OP
      WHEN 'INSERT' THEN 'conversation.member_added'
      WHEN 'UPDATE' THEN 'conversation.member_updated'
      ELSE 'conversation.member_removed'
    END,
    about.conversation_id, about_user => about.user_id
  );
  RETURN NULL;
END $$
