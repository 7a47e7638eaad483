import { Option } from "effect"

interface Host {
  readonly host: string
  readonly port: number
}

/**
 * The parts of REDIS_URL. They are for clusters, for sentinels and for a changed password: ioredis reads the URL of a single server
 * itself.
 */
export interface RedisUrl {
  /** A single server, the seed nodes of a cluster, or the sentinels when there is a `sentinelName`. */
  readonly hosts: ReadonlyArray<Host>
  /** The name of the primary that the sentinels watch; undefined when the hosts are not sentinels. */
  readonly sentinelName: string | undefined
  readonly isTls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
  /** The user and the password of the sentinels themselves; undefined when the URL has none. */
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
}

const URL_PATTERN =
  /^redis(s?)(\+sentinel)?:\/\/(?:([^/]*)@)?([^@/?#]+)(?:\/([^/?#]*)(?:\/(\d*))?)?(?:\?([^#]*))?$/
const HOST_PATTERN = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/
const DEFAULT_PORT = 6379
const DEFAULT_SENTINEL_PORT = 26_379

const decoded = Option.liftThrowable(decodeURIComponent)
const nonEmpty = (text: string | null | undefined) => (text === "" || text === null ? undefined : text)

/**
 * Reads `redis[s]://[[user][:password]@]host[:port][,…][/db]` or
 * `redis[s]+sentinel://[[user][:password]@]sentinel[:port][,…]/primary[/db][?sentinel_username=…&sentinel_password=…]`.
 * Returns `None` when the text does not match. The range of a port is not checked.
 *
 * `new URL` would not do: it takes `a,b` as one host, and throws on a port before a comma.
 */
export const parseRedisUrl = (text: string): Option.Option<RedisUrl> =>
  Option.gen(function* () {
    const [, tls, sentinel, credentials = "", hostList, segment1 = "", segment2 = "", query] =
      yield* Option.fromNullishOr(URL_PATTERN.exec(text))
    const hosts = yield* Option.all(
      hostList!.split(",").map((item) =>
        Option.map(Option.fromNullishOr(HOST_PATTERN.exec(item)), ([, address, name, port]) => ({
          host: (address ?? name)!,
          port:
            port === undefined
              ? sentinel === undefined
                ? DEFAULT_PORT
                : DEFAULT_SENTINEL_PORT
              : Number(port)
        }))
      )
    )
    const colon = credentials.indexOf(":")
    const username = yield* decoded(colon === -1 ? credentials : credentials.slice(0, colon))
    const password = yield* decoded(colon === -1 ? "" : credentials.slice(colon + 1))
    const sentinelName = sentinel === undefined ? undefined : yield* decoded(segment1)
    // The path of sentinels is the name of the primary, then the db. Any other path is the db alone.
    if (sentinelName === "" || (sentinel === undefined && segment2 !== "")) return yield* Option.none()
    const db = sentinel === undefined ? segment1 : segment2
    if (!/^\d*$/.test(db)) return yield* Option.none()
    const parameters = new URLSearchParams(query)
    return {
      hosts,
      sentinelName,
      isTls: tls === "s",
      username: nonEmpty(username),
      password: nonEmpty(password),
      db: Number(db),
      sentinelUsername: nonEmpty(parameters.get("sentinel_username")),
      sentinelPassword: nonEmpty(parameters.get("sentinel_password"))
    }
  })
