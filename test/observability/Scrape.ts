import { assert } from "@effect/vitest"
import { Effect } from "effect"

/** What `/metrics` said: the value of each series, by its name and labels as they are written. */
export type Scrape = ReadonlyMap<string, number>

const LINE = /^(([a-z_]+)(?:\{(?:[a-z]+="[^"]*",?)+\})?) (\S+)$/

const TYPE = /^# TYPE ([a-z_]+) (?:counter|gauge|histogram)$/

/**
 * Reads `/metrics` as Prometheus does: a line that is nothing it knows, or a series that does not stand with its
 * metric, fails the test.
 */
export const scrape = (server: { readonly url: string }) =>
  Effect.promise(async (): Promise<Scrape> => {
    const response = await fetch(`${server.url}/metrics`)
    assert.strictEqual(response.status, 200)
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/)
    const series = new Map<string, number>()
    const metrics = new Set<string>()
    let metric = ""
    for (const line of (await response.text()).split("\n").slice(0, -1)) {
      if (line.startsWith("# HELP ")) continue
      const type = TYPE.exec(line)
      if (type !== null) {
        metric = type[1]!
        assert.notInclude([...metrics], metric)
        metrics.add(metric)
        continue
      }
      const [, key, name, value] = LINE.exec(line) ?? assert.fail(`not a series: ${line}`)
      assert.match(name!, new RegExp(`^${metric}(_bucket|_sum|_count)?$`))
      series.set(key!, Number(value))
    }
    return series
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
