import type pg from "pg"

/** The tables that are filled. */
const TABLES = ["messages", "inbox_events", "conversations", "members", "user_names"]

/** The tables whose triggers tell webhooks. */
const TOLD = ["messages", "conversations", "members", "users"]

/** An index or a constraint that was taken off, and the statement that makes it again. */
export interface TakenOff {
  readonly kind: "index" | "key" | "reference"
  readonly drop: string
  readonly make: string
}

/** Primary keys stay where a reference needs them, and that of messages, whose ids ascend. */
const FIND = `
SELECT 'reference' AS kind, format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
    format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS make
  FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY ($1::regclass[])
UNION ALL
SELECT 'key', format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
  FROM pg_constraint c WHERE contype IN ('p', 'u') AND conrelid = ANY ($1::regclass[]) AND conname <> 'messages_pkey'
    AND NOT EXISTS (SELECT FROM pg_constraint r WHERE r.contype = 'f' AND r.conindid = c.conindid)
UNION ALL
SELECT 'index', format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
  FROM pg_index i WHERE indrelid = ANY ($1::regclass[])
    AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)`

/** Takes off what would cost each row its part: the indexes are built when the rows are there, no reference is checked, no trigger called. */
export const takeOff = async (client: pg.Client): Promise<ReadonlyArray<TakenOff>> => {
  const { rows } = await client.query<TakenOff>(FIND, [TABLES])
  for (const { drop } of rows) await client.query(drop)
  for (const table of TOLD) await client.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`)
  return rows
}

/** The statements that make it all again: the index of the search, all others, and what needs no reading. */
export const restore = (off: ReadonlyArray<TakenOff>) => {
  const making = (isSo: (one: TakenOff) => boolean) => off.filter(isSo).map(({ make }) => make)
  const isSearch = ({ make }: TakenOff) => make.includes("search_keys")
  return {
    search: making(isSearch),
    rest: making((one) => one.kind !== "reference" && !isSearch(one)),
    references: [
      ...making(({ kind }) => kind === "reference"),
      ...TOLD.map((table) => `ALTER TABLE ${table} ENABLE TRIGGER USER`)
    ]
  }
}
