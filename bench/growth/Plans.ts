import { PgTypes } from "@effect/sql-pg"
import { Console, Effect } from "effect"
import { Statement } from "effect/sql"
import pg from "pg"

/** A statement as the driver is given it, its parameters with their types. */
type Compiled = readonly [text: string, parameters: ReadonlyArray<unknown>]

const withClient = async <A>(databaseUrl: string, use: (client: pg.Client) => Promise<A>): Promise<A> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

const TYPE_NAMES = new Map<number, string>([
  [PgTypes.OID.int8, "int8"],
  [PgTypes.OID.textArray, "text[]"]
])

/** A parameter of the driver's, or a text. */
const typeAndValue = (parameter: unknown): readonly [type: string, value: string] => {
  if (typeof parameter === "string") return ["text", pg.escapeLiteral(parameter)]
  const { oid, value } = parameter as PgTypes.Parameter
  return [TYPE_NAMES.get(oid) ?? "int4", Array.isArray(value) ? `'{${value.join()}}'` : String(value)]
}

/** Runs a prepared statement with something before `EXECUTE`. */
const execute = async (client: pg.Client, before: string, [text, parameters]: Compiled) => {
  const typed = parameters.map(typeAndValue)
  await client.query(`PREPARE asked (${typed.map(([type]) => type).join()}) AS ${text}`)
  return client.query(`${before} EXECUTE asked (${typed.map(([, value]) => value).join()})`)
}

const explain = (databaseUrl: string, statement: Compiled): Promise<string> =>
  withClient(databaseUrl, async (client) => {
    const { rows } = await execute(client, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)", statement)
    return rows.map((row) => row["QUERY PLAN"]).join("\n")
  })

/** So many characters of a plan's statement tell which one it is. */
const TOLD_APART = 200

/**
 * What PostgreSQL carried out inside the functions that a search calls, by its module `auto_explain`: the last plan of each statement
 * that matches messages, with how often it ran.
 */
const explainInside = (databaseUrl: string, statement: Compiled): Promise<ReadonlyArray<string>> =>
  withClient(databaseUrl, async (client) => {
    const plans = new Map<string, { readonly plan: string; readonly runs: number }>()
    client.on("notice", ({ message = "" }) => {
      const plan = /Query Text: ([\s\S]*?)\n(?=\S[^\n]*\(actual)([\s\S]*)/.exec(message)
      if (plan === null || !plan[1]!.includes("search_keys")) return
      const key = plan[1]!.slice(0, TOLD_APART)
      plans.set(key, { plan: plan[2]!, runs: (plans.get(key)?.runs ?? 0) + 1 })
    })
    await client.query(`LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
      SET auto_explain.log_analyze = on; SET auto_explain.log_timing = off; SET client_min_messages = log`)
    await execute(client, "", statement)
    return [...plans.values()].map(({ plan, runs }) => `(${runs} times, the last one)\n${plan}`)
  })

/** The statements of a call. */
const statementsOf = Effect.fnUntraced(function* <A, E, R>(call: Effect.Effect<A, E, R>) {
  const statements: Array<Compiled> = []
  yield* Effect.provideService(call, Statement.CurrentTransformer, (statement) => {
    statements.push(statement.compile())
    return Effect.succeed(statement)
  })
  return statements
})

/** Prints how PostgreSQL carries out the statement of a call. */
export const showPlan = Effect.fnUntraced(function* <A, E, R>(
  databaseUrl: string,
  name: string,
  call: Effect.Effect<A, E, R>
) {
  for (const statement of yield* statementsOf(call)) {
    yield* Console.log(`\n${name}\n${yield* Effect.promise(() => explain(databaseUrl, statement))}`)
  }
})

/** The same for a call whose statement is a function's, which a superuser is shown. */
export const showPlansInside = Effect.fnUntraced(function* <A, E, R>(
  databaseUrl: string,
  name: string,
  call: Effect.Effect<A, E, R>
) {
  for (const statement of yield* statementsOf(call)) {
    const plans = yield* Effect.catchCause(
      Effect.tryPromise(() => explainInside(databaseUrl, statement)),
      () => Effect.succeed(["Not shown: it needs a superuser, and PostgreSQL's module auto_explain"])
    )
    for (const plan of plans) yield* Console.log(`\n${name}\n${plan}`)
  }
})
