-- Names the history of this database: a short text that changes when the database goes back, or may have. Made of:
-- - the id that the deployment drew, and its generation, which `npm run epoch` raises;
-- - the place of that row: a dump that is restored writes it anew, so its transaction, table or database is another one;
-- - the system identifier of the server, where the user may read it;
-- - the timeline, which a promoted standby or a recovery to a point in time begins; left out when `with_timeline` is false.
--
-- The timeline is read from the write position: the one of the last checkpoint is still the old one after a promotion.
CREATE OR REPLACE FUNCTION current_epoch(with_timeline boolean) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  place text;
  server bigint;
  timeline text := '';
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE cannot_connect_now USING MESSAGE = 'the database is a standby: which history it will go on with is not decided';
  END IF;
  SELECT concat_ws(' ', d.id, d.generation, d.xmin, d.tableoid, (SELECT oid FROM pg_database WHERE datname = current_database()))
    INTO STRICT place FROM deployment d;
  IF has_function_privilege('pg_control_system()', 'EXECUTE') THEN
    SELECT system_identifier INTO server FROM pg_control_system();
  END IF;
  IF with_timeline THEN
    timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
  END IF;
  RETURN left(encode(sha256(convert_to(concat_ws(' ', place, server, timeline), 'UTF8')), 'hex'), 12);
END $$
