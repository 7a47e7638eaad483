import { assert } from "@effect/vitest"
import { Effect } from "effect"

/** What `/metrics` said: the value of each series, by its name and labels as they are written. */
export type Scrape = ReadonlyMap<string, number>

const LINE = /^([a-z_]+(?:\{(?:[a-z]+="[^"]*",?)+\})?) (\S+)$/

/** Reads `/metrics` as Prometheus does: a line that is no series or comment fails the test. */
export const scrape = (server: { readonly url: string }) =>
  Effect.promise(async (): Promise<Scrape> => {
    const response = await fetch(`${server.url}/metrics`)
    assert.strictEqual(response.status, 200)
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/)
    const text = await response.text()
    const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    return new Map(
      series.map((line) => {
        const [, key, value] = LINE.exec(line) ?? assert.fail(`not a series: ${line}`)
        return [key!, Number(value)]
      })
    )
  })

/** By how much each series grew, those that did not left out. */
export const growth = (before: Scrape, after: Scrape): Record<string, number> =>
  Object.fromEntries(
    [...after].flatMap(([key, value]) => {
      const by = value - (before.get(key) ?? 0)
      return by === 0 ? [] : [[key, by]]
    })
  )

/** The series of one metric. */
export const only = (grown: Record<string, number>, metric: string): Record<string, number> =>
  Object.fromEntries(Object.entries(grown).filter(([key]) => key === metric || key.startsWith(`${metric}{`)))
