/** Why Redis is unavailable: the text of its error reply, or of the error of the connection. */
export interface Reason {
  /** Whether Redis replied with an error. */
  readonly isRefusal: boolean
  readonly text: string
}

/** What ioredis throws on a closed connection. The error that closed the connection has the reason. */
const SAYS_NOTHING =
  /^(Connection is closed|Stream isn't writeable|Cluster isn't ready|Cluster is disconnect|None of startup nodes|Socket timeout|Command aborted|Reached the max retries|No (sharded )?subscriber|No node of the cluster)/

/** The error that ioredis or Node wrapped in others: the last one of a cluster's nodes, or of a host's addresses. */
const innermost = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error
  if ("lastNodeError" in error && error.lastNodeError instanceof Error) return innermost(error.lastNodeError)
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors.at(-1))
  return error
}

/** The reason that an error gives; none when it only says that there is no connection. */
export const reasonOf = (cause: unknown): Reason | undefined => {
  const error = innermost(cause)
  const text = error instanceof Error ? error.message : String(error)
  if (text === "" || SAYS_NOTHING.test(text)) return undefined
  return { isRefusal: error instanceof Error && error.name === "ReplyError", text: text.replace(/\.$/, "") }
}

/** Error replies after which a new connection may lead to another server, as after a failover. */
export const isWrongServer = ({ isRefusal, text }: Reason): boolean =>
  isRefusal && /^(READONLY|MASTERDOWN|NOREPLICAS|NOAUTH)\b/.test(text)

const ADVICE: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /^(NOPERM|ERR The user executing the script)/,
    "Its user needs all commands, keys and channels under REDIS_PREFIX"
  ],
  [/^(WRONGPASS|NOAUTH|ERR AUTH)/, "Check its user and password"],
  [/certificate/, "Name the file of a private CA in NODE_EXTRA_CA_CERTS"],
  [/^READONLY/, "It must lead to the primary; connecting anew"],
  [/^OOM/, "Give it memory, or a maxmemory-policy that evicts"]
]

/** A sentence for the log: the reason, and what to do where the words of Redis do not say it. */
export const sentenceOf = ({ text }: Reason): string => {
  const advice = ADVICE.find(([pattern]) => pattern.test(text))
  return advice === undefined ? `${text}.` : `${text}. ${advice[1]}.`
}
