-- Writes the webhook events of a user.
CREATE OR REPLACE FUNCTION webhook_of_user() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  before CONSTANT jsonb := coalesce(to_jsonb(OLD), '{}');
  now CONSTANT jsonb := to_jsonb(NEW);
  was_suspended CONSTANT boolean := before ->> 'suspended_at' IS NOT NULL;
  is_suspended CONSTANT boolean := now ->> 'suspended_at' IS NOT NULL;
BEGIN
  IF TG_OP = 'UPDATE' AND before = now THEN
    RETURN NULL;
  END IF;
  PERFORM add_webhook_events(
    CASE
      WHEN TG_OP = 'INSERT' THEN 'user.created'
      WHEN before ->> 'deleted_at' IS NULL AND now ->> 'deleted_at' IS NOT NULL THEN 'user.deleted'
      WHEN is_suspended AND NOT was_suspended THEN 'user.suspended'
      WHEN was_suspended AND NOT is_suspended THEN 'user.restored'
      ELSE 'user.updated'
    END,
    -NEW.id::bigint, about_user => NEW.id
  );
  RETURN NULL;
END $$
