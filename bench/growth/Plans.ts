import { PgTypes } from "@effect/sql-pg"
import { Console, Effect } from "effect"
import { Statement } from "effect/sql"
import pg from "pg"

/** A statement as the driver is given it, its parameters with their types. */
type Compiled = readonly [text: string, parameters: ReadonlyArray<unknown>]

const TYPE_NAMES = new Map<number, string>([
  [PgTypes.OID.int8, "int8"],
  [PgTypes.OID.textArray, "text[]"]
])

const explain = async (databaseUrl: string, [text, parameters]: Compiled): Promise<string> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const typed = parameters as ReadonlyArray<PgTypes.Parameter>
    const types = typed.map(({ oid }) => TYPE_NAMES.get(oid) ?? "int4")
    const values = typed.map(({ value }) => (Array.isArray(value) ? `'{${value.join()}}'` : String(value)))
    await client.query(`PREPARE asked (${types.join()}) AS ${text}`)
    const { rows } = await client.query(
      `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE asked (${values.join()})`
    )
    return rows.map((row) => row["QUERY PLAN"]).join("\n")
  } finally {
    await client.end()
  }
}

/** Prints how PostgreSQL carries out the statement of a call. */
export const showPlan = Effect.fnUntraced(function* <A, E, R>(
  databaseUrl: string,
  name: string,
  call: Effect.Effect<A, E, R>
) {
  const statements: Array<Compiled> = []
  yield* Effect.provideService(call, Statement.CurrentTransformer, (statement) => {
    statements.push(statement.compile())
    return Effect.succeed(statement)
  })
  for (const statement of statements) {
    yield* Console.log(`\n${name}\n${yield* Effect.promise(() => explain(databaseUrl, statement))}`)
  }
})
