-- Names the history of this database: a short text that changes when the database goes back, or may have. Made of:
-- - the id that the deployment drew, and its generation, which `npm run epoch` raises;
-- - the place of that row: a dump that is restored writes it anew, so its transaction, table or database is another one;
-- - the system identifier of the server, where the user may read it;
-- - the timeline, which a promoted standby or a recovery to a point in time begins; left out when `with_timeline` is false.
--
-- Every statement that reads the head of an inbox calls this function, so that a head and its epoch come from one server and one
-- snapshot. A process that added an epoch which it had read before could name the wrong one: the connections of a pool, and those
-- behind a pooler, may lead to two servers while a standby takes over.
--
-- A backend serves one database of one server for as long as it lives, so both are looked up once and kept in a setting of its
-- session: that takes 8 µs of 25. A setting that is lost, as by `DISCARD ALL`, is looked up again.
--
-- The timeline is read from the write position: the one of the last checkpoint is still the old one after a promotion.
CREATE OR REPLACE FUNCTION current_epoch(with_timeline boolean) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  deployed text;
  place text;
  timeline text := '';
  may_read_server boolean := has_function_privilege('pg_control_system()', 'EXECUTE');
  -- A right that is granted later counts at once, for all backends.
  setting text := CASE WHEN may_read_server THEN 'minichat.server' ELSE 'minichat.database' END;
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE cannot_connect_now USING MESSAGE = 'the database is a standby: which history it will go on with is not decided';
  END IF;
  place := current_setting(setting, true);
  IF place IS NULL OR place = '' THEN
    place := (SELECT oid FROM pg_database WHERE datname = current_database())::text;
    IF may_read_server THEN
      place := place || ' ' || (SELECT system_identifier FROM pg_control_system());
    END IF;
    PERFORM set_config(setting, place, false);
  END IF;
  SELECT concat_ws(' ', d.id, d.generation, d.xmin, d.tableoid) INTO STRICT deployed FROM deployment d;
  IF with_timeline THEN
    timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
  END IF;
  RETURN left(encode(sha256(convert_to(concat_ws(' ', deployed, place, timeline), 'UTF8')), 'hex'), 12);
END $$
