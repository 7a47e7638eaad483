-- The class of the advisory locks of one purpose: the first key of `pg_advisory_xact_lock(int, int)`. All classes stand here, so that no two
-- purposes share one and wait for each other. The numbers are any constants. 7105116 is `MIGRATION_LOCK`, which is taken before there
-- are functions.
CREATE OR REPLACE FUNCTION lock_class(purpose text) RETURNS int
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE purpose
    WHEN 'looks of usernames' THEN 7105117
    WHEN 'usernames' THEN 7105118
    WHEN 'webhooks of an endpoint' THEN 7105119
  END;
END $$
