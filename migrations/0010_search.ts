import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/*
 * The index of the search is made of what `search_keys` answers. It must answer the same for ever, or the index is wrong: another
 * way to take texts apart needs a function with another name, and an index of its own. Functions of an index may call no function
 * beside PostgreSQL's own: a restore of a dump makes the index where no other is found. So what both functions do stands here.
 */

/** Marks that texts are compared without: see `SearchWords`, which does the same as this file. */
const IGNORED = String.raw`\u0300-\u036F\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7\u0640\u064B-\u0652\u0670\u00AD\u200B-\u200D\u2060\uFE00-\uFE0F\uFEFF\U0001F3FB-\U0001F3FF`

const UNSPACED = String.raw`\u0E01-\u0E3A\u0E40-\u0E4E\u0E81-\u0EDF\u1000-\u1049\u1050-\u109F\u1780-\u17D3\u17DC-\u17E9\u2600-\u27BF\u2B00-\u2BFF\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3040-\u309F\u30A1-\u30FA\u30FC-\u312F\u31F0-\u31FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U0001F000-\U0001FAFF\U00020000-\U0003FFFF`

/** Characters between words, without the space: most texts have nothing else, and a search for it finds what needs no replacing. */
const BETWEEN = String.raw`\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u00D7\u00F7\u055A-\u055F\u0589\u058A\u05BE\u05C0\u05C3\u05C6\u05F3\u05F4\u0609-\u060D\u061B-\u061F\u066A-\u066D\u06D4\u0964\u0965\u0E3F\u0E4F\u0E5A\u0E5B\u0F0B-\u0F14\u104A-\u104F\u1361-\u1368\u17D4-\u17DB\u2000-\u206F\u20A0-\u20FF\u2190-\u25FF\u27C0-\u2AFF\u2E00-\u2E7F\u3000-\u3004\u3008-\u3020\u302A-\u3030\u3036-\u303F\u30A0\u30FB\uE000-\uF8FF\uFE10-\uFE6F\uFFF0-\uFFFF`

/**
 * Sets `spaced` to the words of `given`, folded, with spaces between them. ASCII, which most messages are, takes a shorter
 * way. `collation` lowers the case of all letters, whatever the database's own is.
 */
const intoWords = (given: string, collation: string) => String.raw`
  is_ascii := octet_length(${given}) = char_length(${given});
  IF is_ascii THEN
    spaced := regexp_replace(lower(${given} COLLATE "C"), '[^a-z0-9 ]+', ' ', 'g');
  ELSE
    spaced := regexp_replace(normalize(${given}, NFKD), '[${IGNORED}]', '', 'g');
    spaced := lower(spaced COLLATE ${collation});
    spaced := replace(replace(replace(spaced, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe');
    spaced := normalize(translate(spaced, 'øđłıς', 'odliσ'), NFKC);
    spaced := regexp_replace(spaced, '[${BETWEEN}]+', ' ', 'g');
    spaced := regexp_replace(spaced, '([${UNSPACED}]+)', ' \1 ', 'g');
  END IF;
  IF octet_length(spaced) > 1600 THEN
    spaced := regexp_replace(spaced, '([^ ${UNSPACED}]{200})[^ ${UNSPACED}]+', '\1', 'g');
  END IF;`

/** A table with fewer messages is indexed at once, in less than a second. */
const SMALL = 5000

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  const [{ collation }] = (yield* sql`
    SELECT coalesce(
      (SELECT quote_ident(c.collname) FROM pg_collation c
        WHERE c.collname IN ('pg_c_utf8', 'und-x-icu') AND c.collnamespace = 'pg_catalog'::regnamespace
        ORDER BY c.collname LIMIT 1),
      '"default"'
    ) AS collation`) as unknown as [{ readonly collation: string }]

  yield* sql.unsafe(`
    CREATE FUNCTION search_keys(id bigint, sender_id int, receiver_id int, conversation_id bigint, content text)
    RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
      part CONSTANT text := id >> 16;
      prefix CONSTANT text := part || ':';
      is_ascii boolean;
      spaced text;
      keys text[];
    BEGIN
      IF content = '' THEN
        RETURN '';
      END IF;
      ${intoWords("content", collation)}
      keys := CASE
        WHEN receiver_id IS NULL THEN ARRAY[part || '#' || conversation_id]
        ELSE ARRAY[part || '@' || sender_id, part || '@' || receiver_id]
      END;
      IF NOT is_ascii AND spaced ~ '[${UNSPACED}]' THEN
        keys := keys || ARRAY(
          SELECT prefix || c || CASE WHEN n ~ '[${UNSPACED}]' THEN n ELSE '' END
          FROM (
            SELECT c, lead(c) OVER (ORDER BY place) AS n
            FROM unnest(string_to_array(spaced, NULL)) WITH ORDINALITY AS x (c, place)
          ) y
          WHERE c ~ '[${UNSPACED}]'
        );
        spaced := regexp_replace(spaced, '[${UNSPACED}]+', '', 'g');
      END IF;
      RETURN array_to_tsvector(array_remove(
        keys || string_to_array(prefix || replace(spaced, ' ', ' ' || prefix), ' '), prefix
      ));
    END $$`)

  // A text as its words and runs, with spaces between them.
  yield* sql.unsafe(`
    CREATE FUNCTION search_words(given text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
      is_ascii boolean;
      spaced text;
    BEGIN
      ${intoWords("given", collation)}
      RETURN spaced;
    END $$`)

  yield* sql.unsafe(`
    CREATE FUNCTION search_terms(searched text) RETURNS TABLE (term text, is_prefix boolean, run text)
    LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE
      words CONSTANT text[] := array_remove(string_to_array(search_words(searched), ' '), '');
    BEGIN
      FOR i IN 1 .. cardinality(words) LOOP
        IF words[i] !~ '^[${UNSPACED}]' THEN
          term := words[i]; is_prefix := i = cardinality(words); run := NULL;
          RETURN NEXT;
        ELSIF char_length(words[i]) = 1 THEN
          term := words[i]; is_prefix := true; run := NULL;
          RETURN NEXT;
        ELSE
          FOR j IN 1 .. char_length(words[i]) - 1 LOOP
            term := substr(words[i], j, 2); is_prefix := false;
            run := CASE WHEN j = 1 AND char_length(words[i]) > 2 THEN words[i] END;
            RETURN NEXT;
          END LOOP;
        END IF;
      END LOOP;
    END $$`)

  // With many messages it takes long, and sends would wait: then nodes build it while they serve. See `SearchIndex`.
  const [{ isSmall }] = (yield* sql`
    SELECT count(*) < ${SMALL} AS "isSmall" FROM (SELECT FROM messages LIMIT ${SMALL}) m`) as unknown as [
    { readonly isSmall: boolean }
  ]
  if (isSmall) {
    yield* sql`
      CREATE INDEX messages_search ON messages
        USING gin (search_keys(id, sender_id, receiver_id, conversation_id, content)) WITH (gin_pending_list_limit = 128)`
  }
})
