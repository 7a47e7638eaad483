import { Duration, Option, Result } from "effect"
import { type DatabaseParameters, readParameters, type SslMode } from "./DatabaseParameters.ts"

export interface DatabaseHost {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
}

/** How connections are encrypted. */
export interface DatabaseTls {
  readonly mode: SslMode
  /** The file of the certificates that sign the server's; none: those that Node.js trusts. */
  readonly rootCert: Option.Option<string>
  readonly isVerified: boolean
  readonly isHostVerified: boolean
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly passphrase: string | undefined
  readonly minVersion: "TLSv1.2" | "TLSv1.3" | undefined
  readonly maxVersion: "TLSv1.2" | "TLSv1.3" | undefined
}

/** The parts of DATABASE_URL. */
export interface DatabaseUrl {
  readonly hosts: readonly [DatabaseHost, ...ReadonlyArray<DatabaseHost>]
  /** Which of the hosts to use: any, for a single host; one that is no standby; or one that takes writes. */
  readonly wanted: "any" | "primary" | "read-write"
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: string | undefined
  readonly applicationName: string | undefined
  readonly options: string | undefined
  /** The time limit of each host. */
  readonly connectTimeout: Duration.Duration
  readonly tls: DatabaseTls
  /** False behind a pooler that keeps no prepared statements. */
  readonly prepares: boolean
}

const EXAMPLE = "must be a URL like postgresql://user:password@localhost:5432/database"
const URL_PATTERN = /^postgres(?:ql)?:\/\/(?:([^/]*)@)?([^@/?#]*)(?:\/([^/?#]*))?(?:\?([^#]*))?$/
const HOST_PATTERN = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*))(?::(\d{1,5}))?$/
const PORT = 5432
const CONNECT_TIMEOUT = Duration.seconds(5)

const nonEmpty = (text: string | undefined) => (text === "" ? undefined : text)
const decoded = (text: string) =>
  Result.mapError(
    Result.try(() => decodeURIComponent(text)),
    () => EXAMPLE
  )

/** Whether the host is this machine. */
const isLocal = ({ host }: DatabaseHost) =>
  host.startsWith("/") || /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host)

const portFrom = (text: string | undefined): Result.Result<number, string> => {
  if (text === undefined || text === "") return Result.succeed(PORT)
  const port = Number(text)
  return /^\d+$/.test(text) && port >= 1 && port <= 65_535
    ? Result.succeed(port)
    : Result.fail(`has a port that is none: ${text}`)
}

const hostsFrom = (list: string, { host, port }: DatabaseParameters) =>
  Result.gen(function* () {
    const written: Array<{ readonly host: string; readonly port: string | undefined }> = []
    for (const item of list.split(",")) {
      const [, address, name, itsPort] = HOST_PATTERN.exec(item) ?? []
      if (address === undefined && name === undefined) return yield* Result.fail(EXAMPLE)
      written.push({ host: address ?? (yield* decoded(name!)), port: itsPort })
    }
    const names = host?.split(",") ?? written.map((each) => each.host)
    const ports =
      port?.split(",") ?? (names.length === written.length ? written.map((each) => each.port) : [undefined])
    if (ports.length !== 1 && ports.length !== names.length) {
      return yield* Result.fail(`has ${ports.length} ports for ${names.length} hosts`)
    }
    const hosts: Array<DatabaseHost> = []
    for (const [i, name] of names.entries()) {
      hosts.push({
        host: nonEmpty(name) ?? "localhost",
        port: yield* portFrom(ports.length === 1 ? ports[0] : ports[i])
      })
    }
    return hosts as unknown as DatabaseUrl["hosts"]
  })

const timeoutFrom = (seconds: string | undefined): Result.Result<Duration.Duration, string> => {
  if (seconds === undefined) return Result.succeed(CONNECT_TIMEOUT)
  return /^\d+$/.test(seconds) && Number(seconds) >= 1 && Number(seconds) <= 3600
    ? Result.succeed(Duration.seconds(Number(seconds)))
    : Result.fail(`has connect_timeout=${seconds}; it must be a number of seconds from 1 to 3600`)
}

const tlsFrom = (
  parameters: DatabaseParameters,
  isOnThisMachine: boolean
): Result.Result<DatabaseTls, string> => {
  const { sslmode, sslrootcert, sslcert, sslkey, channel_binding, sslaccept } = parameters
  const isSystem = sslrootcert === "system"
  if (isSystem && sslmode !== undefined && sslmode !== "verify-full") {
    return Result.fail(`has sslrootcert=system, which needs sslmode=verify-full; it has sslmode=${sslmode}`)
  }
  // The driver cannot bind a password to the certificate. A certificate that is verified keeps others out as well.
  const strict =
    channel_binding === "require"
      ? "channel_binding=require"
      : sslaccept === "strict"
        ? "sslaccept=strict"
        : undefined
  if (strict !== undefined && sslmode === "disable") {
    return Result.fail(`has ${strict} and sslmode=disable; leave one of them out`)
  }
  if ((sslcert === undefined) !== (sslkey === undefined)) {
    return Result.fail(`has ${sslcert === undefined ? "sslkey without sslcert" : "sslcert without sslkey"}`)
  }
  const asked = sslmode ?? (isOnThisMachine ? "allow" : "prefer")
  const mode = isSystem || (strict !== undefined && asked !== "verify-ca") ? "verify-full" : asked
  const rootCert = Option.fromNullishOr(isSystem ? undefined : sslrootcert)
  return Result.succeed({
    mode,
    rootCert,
    // As in libpq: with a root certificate, the certificate of the server is verified in every mode.
    isVerified: mode === "verify-ca" || mode === "verify-full" || Option.isSome(rootCert),
    isHostVerified: mode === "verify-full",
    cert: sslcert,
    key: sslkey,
    passphrase: parameters.sslpassword,
    minVersion: parameters.ssl_min_protocol_version as DatabaseTls["minVersion"],
    maxVersion: parameters.ssl_max_protocol_version as DatabaseTls["maxVersion"]
  })
}

/**
 * Reads `postgresql://[user[:password]@][host[:port][,host[:port]…]][/database][?parameter=value&…]` with the meaning that psql
 * gives it. `new URL` takes neither several hosts nor ports after them. Fails with what is wrong, for a sentence that begins with
 * the name of the setting. It holds no password.
 */
export const readDatabaseUrl = (text: string): Result.Result<DatabaseUrl, string> =>
  Result.gen(function* () {
    const [match, credentials = "", list = "", path = "", query = ""] = URL_PATTERN.exec(text) ?? []
    if (match === undefined) return yield* Result.fail(EXAMPLE)
    const parameters = yield* readParameters(query)
    const hosts = yield* hostsFrom(list, parameters)
    const colon = credentials.indexOf(":")
    const username = yield* decoded(colon === -1 ? credentials : credentials.slice(0, colon))
    const password = yield* decoded(colon === -1 ? "" : credentials.slice(colon + 1))
    const wanted = parameters.target_session_attrs ?? "any"
    return {
      hosts,
      // The server writes: of several hosts it needs one that takes writes.
      wanted: (wanted === "any" && hosts.length > 1 ? "read-write" : wanted) as DatabaseUrl["wanted"],
      username: parameters.user ?? nonEmpty(username),
      password: parameters.password ?? nonEmpty(password),
      database: parameters.dbname ?? nonEmpty(yield* decoded(path)),
      applicationName: parameters.application_name ?? parameters.fallback_application_name,
      options: parameters.options,
      connectTimeout: yield* timeoutFrom(parameters.connect_timeout),
      tls: yield* tlsFrom(parameters, hosts.every(isLocal)),
      prepares: parameters.pgbouncer !== "true"
    }
  })

/** The database in a log line: hosts and name, no credentials. */
export const locationOf = ({ hosts, database }: Pick<DatabaseUrl, "hosts" | "database">): string =>
  `${hosts.map(nameOf).join(",")}/${database ?? ""}`

/** A host in a log line. */
export const nameOf = ({ host, port }: DatabaseHost): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
