import { type Context, Effect, Metric, type Scope } from "effect"

type Attributes = Readonly<Record<string, string>>

/** Registers a function that is called at each scrape, until the scope closes. */
export type Gauge = (read: () => number) => Effect.Effect<void, never, Scope.Scope>

/**
 * Makes the series of one registry. Updates are plain function calls, without a fiber, because some happen for each event
 * that is delivered.
 */
export const make = (context: Context.Context<never>) => {
  const counter = (name: string, description: string, attributes?: Attributes) => {
    const metric = Metric.counter(name, { description, attributes, incremental: true })
    // A series that exists from the start shows its first increase.
    metric.updateUnsafe(0, context)
    return (by = 1) => metric.updateUnsafe(by, context)
  }

  const histogram = (
    name: string,
    description: string,
    boundaries: ReadonlyArray<number>,
    attributes?: Attributes
  ) => {
    const metric = Metric.histogram(name, { description, boundaries, attributes })
    metric.valueUnsafe(context)
    return (value: number) => metric.updateUnsafe(value, context)
  }

  const registered = (register: () => Metric.Registration) =>
    Effect.asVoid(
      Effect.acquireRelease(Effect.sync(register), (registration) => Effect.sync(registration.remove))
    )

  const gauge =
    (name: string, description: string, attributes?: Attributes): Gauge =>
    (read) =>
      registered(() =>
        Metric.registerUnsafe(Metric.gauge(name, { description, attributes }), context, {
          get: () => ({ value: read() }),
          update: ignore,
          modify: ignore
        })
      )

  /** A counter whose value another library keeps: it is read like a gauge, and never falls. */
  const readCounter =
    (name: string, description: string): Gauge =>
    (read) =>
      registered(() =>
        Metric.registerUnsafe(Metric.counter(name, { description, incremental: true }), context, {
          get: () => ({ count: read(), incremental: true }),
          update: ignore,
          modify: ignore
        })
      )

  return { counter, histogram, gauge, readCounter }
}

export type Instruments = ReturnType<typeof make>

const ignore = () => {}

/** Makes the series of a label value once. Use it for labels with few values only. */
export const cached = <Label, A>(make: (label: Label) => A) => {
  const made = new Map<Label, A>()
  return (label: Label): A => {
    const known = made.get(label)
    if (known !== undefined) return known
    const series = make(label)
    made.set(label, series)
    return series
  }
}
