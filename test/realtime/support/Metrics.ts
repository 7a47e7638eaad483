import { Effect } from "effect"
import type { TestServer } from "../../support/TestServer.ts"

/** The value of a series, named as `/metrics` names it; 0 while there is none. */
export const metric = ({ url }: TestServer, series: string) =>
  Effect.promise(async () => {
    const text = await (await fetch(`${url}/metrics`)).text()
    const line = text.split("\n").find((line) => line.startsWith(`${series} `))
    return Number(line?.split(" ")[1] ?? 0)
  })
