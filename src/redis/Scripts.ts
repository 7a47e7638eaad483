import type { Cluster, Redis as IORedis } from "ioredis"

/** Runs a Lua script with its keys and arguments, and answers its reply. */
type Script<A> = (
  connection: IORedis,
  keys: ReadonlyArray<string>,
  args: ReadonlyArray<string | number>
) => Promise<A>

/** Makes a Lua script a command. A connection sends the script once, and its hash from then on. */
export type MakeScript = <A>(lua: string) => Script<A>

/** Makes Lua scripts commands of a connection. */
export const scriptsOf = (connection: IORedis | Cluster): MakeScript => {
  let scripts = 0
  return <A>(lua: string): Script<A> => {
    const name = `script${scripts++}`
    connection.defineCommand(name, { lua })
    type Run = (numberOfKeys: number, ...keysAndArgs: ReadonlyArray<string | number>) => Promise<A>
    return (connection, keys, args) =>
      (connection as unknown as Record<string, Run>)[name]!(keys.length, ...keys, ...args)
  }
}
