-- Replaces the names by which a user is found: the username, and the display name where it differs from that.
CREATE OR REPLACE FUNCTION save_user_names(named int, names text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM user_names n WHERE n.user_id = named AND n.name <> ALL (names);
  INSERT INTO user_names (user_id, name, other)
    SELECT named, n.name, nullif(names[1 + cardinality(names) - n.place::int], n.name)
    FROM unnest(names) WITH ORDINALITY AS n (name, place)
    ON CONFLICT (user_id, name) DO UPDATE SET other = excluded.other;
END $$
