import { Duration, Effect, Option } from "effect"
import { Cluster, Redis as IORedis, type RedisOptions } from "ioredis"
import { parseRedisUrl, type RedisUrl } from "../RedisUrl.ts"
import { secretIn } from "../settings/SecretFiles.ts"

/** How long a connection may take to open; the start waits no longer than this for Redis. */
const CONNECT_TIMEOUT = Duration.seconds(2)

/**
 * How long a connection may owe a reply before it is destroyed and opened anew. It holds for commands, subscriptions
 * and handshakes on every connection, so that none stays open whose peer is lost.
 */
const SILENCE_TIMEOUT = Duration.millis(1500)

/** When TCP keep-alive probes begin on an idle connection. */
const KEEP_ALIVE = Duration.seconds(5)

/** How long a connection may take to close, before it is destroyed. */
const DISCONNECT_TIMEOUT = Duration.millis(250)

const reconnectDelay = (attempt: number) => Math.min(50 * 2 ** attempt, 1000)

// Constant: it stands in an error message, and each different message is logged.
const SENTINEL_RETRY = Duration.millis(500)

// No command is queued for a reconnect or repeated after it: one that was not acknowledged may have run. The caller decides.
const common = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  connectTimeout: Duration.toMillis(CONNECT_TIMEOUT),
  socketTimeout: Duration.toMillis(SILENCE_TIMEOUT),
  disconnectTimeout: Duration.toMillis(DISCONNECT_TIMEOUT),
  keepAlive: Duration.toMillis(KEEP_ALIVE),
  retryStrategy: reconnectDelay
} satisfies RedisOptions

/** The connections of a node to Redis, which reconnect by themselves. */
export interface Connections {
  readonly commands: IORedis | Cluster
  readonly subscriber: IORedis | Cluster
  /** In a cluster: channels belong to shards. */
  readonly sharded: boolean
  /** Closes all connections, and opens new ones. */
  reconnect(): void
}

/** Opens the connections until the scope closes. Answers after 2 s at the latest; the connections retry after that. */
export const connect = Effect.fnUntraced(function* (
  url: string,
  /** The file of the URL, which is read again at each reconnect: its password may have changed. */
  file: string | undefined,
  cluster: boolean,
  { onError, onClose }: { readonly onError: (error: unknown) => void; readonly onClose: () => void }
) {
  const parsed = Option.getOrThrow(parseRedisUrl(url))
  const isCluster = cluster || (parsed.sentinelName === undefined && parsed.hosts.length > 1)
  const connections = isCluster ? openCluster(parsed) : openServer(url, parsed, file)
  const all = new Set([connections.commands, connections.subscriber])
  for (const connection of all) {
    // A reason may come as any of these, and an "error" without a listener is printed by ioredis.
    for (const event of ["error", "node error", "nodeError", "sentinelError"]) connection.on(event, onError)
    for (const event of ["close", "-node", "-subscriber"]) connection.on(event, onClose)
  }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const connection of all) connection.disconnect()
    })
  )
  yield* Effect.promise(() => Promise.allSettled([...all].map((connection) => connection.connect()))).pipe(
    Effect.timeoutOption(CONNECT_TIMEOUT)
  )
  return connections
})

const openServer = (url: string, parsed: RedisUrl, file: string | undefined): Connections => {
  const open = () => {
    const connection =
      parsed.sentinelName === undefined
        ? new IORedis(url, { ...common, lazyConnect: true })
        : new IORedis(sentinelOptions(parsed, parsed.sentinelName))
    // A new connection reads its options: one that follows a change of the password has the new one.
    connection.options.retryStrategy = (attempt) => {
      const latest = file === undefined ? undefined : secretIn(file)
      if (latest !== undefined) {
        Option.map(parseRedisUrl(latest), (url) => Object.assign(connection.options, credentials(url)))
      }
      return reconnectDelay(attempt)
    }
    return connection
  }
  const [commands, subscriber] = [open(), open()]
  return {
    commands,
    subscriber,
    sharded: false,
    // `disconnect` waits for the other end to close; the stream's `close` event leads to a new connection at once.
    reconnect: () => {
      for (const { stream } of [commands, subscriber]) stream?.destroy()
    }
  }
}

const credentials = ({ username, password }: RedisUrl) => ({
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password })
})

const sentinelOptions = (parsed: RedisUrl, name: string) => ({
  ...common,
  ...credentials(parsed),
  lazyConnect: true,
  sentinels: [...parsed.hosts],
  name,
  db: parsed.db,
  sentinelCommandTimeout: Duration.toMillis(SILENCE_TIMEOUT),
  sentinelRetryStrategy: () => Duration.toMillis(SENTINEL_RETRY),
  ...(parsed.sentinelUsername === undefined ? {} : { sentinelUsername: parsed.sentinelUsername }),
  ...(parsed.sentinelPassword === undefined ? {} : { sentinelPassword: parsed.sentinelPassword }),
  ...(parsed.isTls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {})
})

const openCluster = (parsed: RedisUrl): Connections => {
  const { enableOfflineQueue: _, retryStrategy: __, ...nodeOptions } = common
  const cluster = new Cluster([...parsed.hosts], {
    lazyConnect: true,
    enableOfflineQueue: false,
    shardedSubscribers: true,
    clusterRetryStrategy: reconnectDelay,
    redisOptions: { ...nodeOptions, ...credentials(parsed), ...(parsed.isTls ? { tls: {} } : {}) }
  })
  return {
    commands: cluster,
    subscriber: cluster,
    sharded: true,
    reconnect: () => cluster.disconnect(true)
  }
}
