-- A time as JSON carries it: RFC 3339 in UTC with milliseconds.
CREATE OR REPLACE FUNCTION json_time(at timestamptz) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
END $$
