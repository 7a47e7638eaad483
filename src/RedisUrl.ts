import { Option } from "effect"

interface Host {
  readonly host: string
  readonly port: number
}

/** The parts of REDIS_URL. */
export interface RedisUrl {
  /** One server, several seed nodes of a cluster, or sentinels. */
  readonly hosts: ReadonlyArray<Host>
  /** The name of the primary that the sentinels watch; none when the hosts are no sentinels. */
  readonly sentinelName: string | undefined
  readonly isTls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
  /** The sentinels' own user and password, where they ask for one. */
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
}

const URL_PATTERN =
  /^redis(s?)(\+sentinel)?:\/\/(?:([^/]*)@)?([^@/?#]+)(?:\/([^/?#]*)(?:\/(\d*))?)?(?:\?([^#]*))?$/
const HOST_PATTERN = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/
const SERVER_PORT = 6379
const SENTINEL_PORT = 26_379

const decoded = Option.liftThrowable(decodeURIComponent)
const nonEmpty = (text: string | null | undefined) => (text === "" || text === null ? undefined : text)

/**
 * Reads `redis[s]://[user][:password@]host[:port][,host[:port]…][/db]` or
 * `redis[s]+sentinel://[user][:password@]sentinel[:port][,…]/primary[/db][?sentinel_username=…&sentinel_password=…]`.
 * `new URL` accepts neither several hosts nor ports after them. None when the text is no such URL.
 */
export const parseRedisUrl = (text: string): Option.Option<RedisUrl> =>
  Option.gen(function* () {
    const [, tls, sentinel, credentials = "", hostList, first = "", second = "", query] =
      yield* Option.fromNullishOr(URL_PATTERN.exec(text))
    const hosts = yield* Option.all(
      hostList!.split(",").map((item) =>
        Option.map(Option.fromNullishOr(HOST_PATTERN.exec(item)), ([, address, name, port]) => ({
          host: (address ?? name)!,
          port: port === undefined ? (sentinel === undefined ? SERVER_PORT : SENTINEL_PORT) : Number(port)
        }))
      )
    )
    const colon = credentials.indexOf(":")
    const username = yield* decoded(colon === -1 ? credentials : credentials.slice(0, colon))
    const password = yield* decoded(colon === -1 ? "" : credentials.slice(colon + 1))
    const sentinelName = sentinel === undefined ? undefined : yield* decoded(first)
    if (sentinelName === "" || (sentinel === undefined && second !== "")) return yield* Option.none()
    const db = sentinel === undefined ? first : second
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
