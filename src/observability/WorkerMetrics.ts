import cluster, { type Worker } from "node:cluster"
import { Duration, Effect, FiberSet, Option, Schema } from "effect"

/** How long a worker may take to send its metrics. The metrics of a worker that takes longer are left out. */
const WITHIN = Duration.seconds(1)

/** The messages between the primary process and its workers, beside those of `node:cluster`. */
const Message = Schema.TaggedUnion({
  "minichat/observability/AskAll": {},
  "minichat/observability/AskOne": {},
  "minichat/observability/One": { text: Schema.String },
  "minichat/observability/All": { text: Schema.String }
})
type Message = typeof Message.Type

type Tagged<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

const decode = Schema.decodeUnknownOption(Message)

const listenerOf =
  <Tag extends Message["_tag"]>(tag: Tag, listener: (message: Tagged<Tag>) => void) =>
  (message: unknown): void => {
    const decoded = decode(message)
    if (Option.isSome(decoded) && decoded.value._tag === tag) listener(decoded.value as Tagged<Tag>)
  }

const send = (to: { send?: NodeJS.Process["send"] }, message: Message) => to.send?.(message)

/** In a worker: sends the metrics of this process to the primary process when it asks, until the scope closes. */
export const offer = (read: () => string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const listener = listenerOf("minichat/observability/AskOne", () =>
        send(process, { _tag: "minichat/observability/One", text: read() })
      )
      process.on("message", listener)
      return listener
    }),
    (listener) => Effect.sync(() => process.off("message", listener))
  )

/** In a worker: the metrics of all workers; none when the primary process does not answer. */
export const ofAll = Effect.callback<string>((resume) => {
  const listener = listenerOf("minichat/observability/All", ({ text }) => resume(Effect.succeed(text)))
  process.on("message", listener)
  send(process, { _tag: "minichat/observability/AskAll" })
  return Effect.sync(() => process.off("message", listener))
}).pipe(Effect.timeoutOption(Duration.times(WITHIN, 2)))

const ofOne = (worker: Worker) =>
  Effect.callback<string>((resume) => {
    const listener = listenerOf("minichat/observability/One", ({ text }) => resume(Effect.succeed(text)))
    worker.on("message", listener)
    send(worker, { _tag: "minichat/observability/AskOne" })
    return Effect.sync(() => worker.off("message", listener))
  }).pipe(Effect.timeoutOption(WITHIN), Effect.map(Option.map((text) => ({ worker: worker.id, text }))))

/**
 * In the primary process: gathers the metrics of all workers whenever a worker asks. The workers share a port: a scrape
 * reaches any of them, and must be answered for all.
 */
export const gather = Effect.scoped(
  Effect.gen(function* () {
    const runFork = yield* FiberSet.makeRuntime<never>()
    const answer = (asking: Worker) =>
      Effect.suspend(() =>
        Effect.forEach(
          Object.values(cluster.workers ?? {}).flatMap((worker) => worker ?? []),
          ofOne,
          { concurrency: "unbounded" }
        )
      ).pipe(
        Effect.map((answers) => {
          const text = merged(answers.flatMap(Option.toArray))
          if (asking.isConnected()) send(asking, { _tag: "minichat/observability/All", text })
        })
      )
    const listener = (asking: Worker, message: unknown) =>
      listenerOf("minichat/observability/AskAll", () => runFork(answer(asking)))(message)
    yield* Effect.acquireRelease(
      Effect.sync(() => cluster.on("message", listener)),
      () => Effect.sync(() => cluster.off("message", listener))
    )
    return yield* Effect.never
  })
)

const COMMENT = /^# (?:HELP|TYPE) (\S+)/

const SERIES = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/

/** Merges the texts of workers: each series gets the worker's number as a label, and the series of one metric are grouped. */
const merged = (texts: ReadonlyArray<{ readonly worker: number; readonly text: string }>): string => {
  const metrics = new Map<string, { readonly comments: Set<string>; readonly series: Array<string> }>()
  for (const { worker, text } of texts) {
    let metric = ""
    for (const line of text.split("\n")) {
      metric = COMMENT.exec(line)?.[1] ?? metric
      const known = metrics.get(metric) ?? { comments: new Set(), series: [] }
      metrics.set(metric, known)
      const series = SERIES.exec(line)
      if (line.startsWith("#")) known.comments.add(line)
      else if (series !== null) {
        const [, name, labels, value] = series
        const all = [`worker="${worker}"`, ...(labels === undefined ? [] : [labels])]
        known.series.push(`${name}{${all.join(",")}} ${value}`)
      }
    }
  }
  const lines = [...metrics.values()].flatMap(({ comments, series }) => [...comments, ...series])
  return `${lines.join("\n")}\n`
}
