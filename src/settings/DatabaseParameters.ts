import { Result } from "effect"

export const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const

/** Whether connections are encrypted and certificates verified, with libpq's meaning. */
export type SslMode = (typeof SSL_MODES)[number]

/** The parameters of libpq that the server acts on, with the text of the URL; absent where the URL has none. */
export interface DatabaseParameters {
  readonly host?: string
  readonly port?: string
  readonly dbname?: string
  readonly user?: string
  readonly password?: string
  readonly application_name?: string
  readonly fallback_application_name?: string
  readonly options?: string
  /** Seconds. */
  readonly connect_timeout?: string
  readonly target_session_attrs?: string
  readonly sslmode?: SslMode
  /** The file of the certificates that sign the server's, or `system`. */
  readonly sslrootcert?: string
  readonly sslcert?: string
  readonly sslkey?: string
  readonly sslpassword?: string
  readonly ssl_min_protocol_version?: string
  readonly ssl_max_protocol_version?: string
  readonly channel_binding?: string
  readonly sslaccept?: string
  readonly pgbouncer?: string
}

/** Any text may be the value. */
const ANY = Symbol("any")
const FLAG = ["true", "false"]
const TLS_VERSIONS = ["TLSv1.2", "TLSv1.3"]

/** The allowed values of each parameter. A parameter that the server does not act on may only have the value that describes it. */
const ALLOWED: Readonly<Record<string, typeof ANY | ReadonlyArray<string>>> = {
  host: ANY,
  port: ANY,
  dbname: ANY,
  user: ANY,
  password: ANY,
  application_name: ANY,
  fallback_application_name: ANY,
  options: ANY,
  connect_timeout: ANY,
  target_session_attrs: ["any", "read-write", "primary"],
  sslmode: SSL_MODES,
  sslrootcert: ANY,
  sslcert: ANY,
  sslkey: ANY,
  sslpassword: ANY,
  ssl_min_protocol_version: TLS_VERSIONS,
  ssl_max_protocol_version: TLS_VERSIONS,
  channel_binding: ["disable", "prefer", "require"],
  client_encoding: ["UTF8", "utf8", "UTF-8", "utf-8", "auto"],
  gssencmode: ["disable", "prefer"],
  keepalives: ["1"],
  load_balance_hosts: ["disable", "random"],
  sslcompression: ["0"],
  sslnegotiation: ["postgres"],
  sslsni: ["1"],
  ssl: ["true"],
  // Parameters of other clients, in the URLs of providers.
  pgbouncer: FLAG,
  sslaccept: ["strict", "accept_invalid_certs"],
  uselibpqcompat: FLAG
}

/** What to set instead of parameters of other clients. */
const INSTEAD: Readonly<Record<string, string>> = {
  connection_limit: "Set DATABASE_POOL_SIZE",
  pool_timeout: "A statement has 10 seconds",
  schema: "Write options=-csearch_path%3Dname",
  socket_timeout: "A statement has 10 seconds",
  sslidentity: "Write sslcert and sslkey",
  statement_cache_size: "Write pgbouncer=true to prepare no statements"
}

const refusalOf = (name: string, value: string): string | undefined => {
  const allowed = Object.hasOwn(ALLOWED, name) ? ALLOWED[name] : undefined
  if (allowed === undefined) {
    const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : "Leave it out"
    return `has a parameter that this server does not know: "${name}". ${instead}`
  }
  if (allowed === ANY || allowed.includes(value)) return undefined
  return `has ${name}=${value}; it may be ${allowed.join(", ")}`
}

const decoded = (text: string) => Result.try(() => decodeURIComponent(text))

/**
 * Reads the part of a URL after `?`, as libpq does: of a parameter that comes twice the last one counts, and a plus sign is one.
 * Fails with what is wrong, for a sentence that begins with the name of the setting. It holds no value of a secret.
 */
export const readParameters = (query: string): Result.Result<DatabaseParameters, string> => {
  const parameters: Record<string, string> = {}
  for (const item of query === "" ? [] : query.split("&")) {
    const [name = "", ...rest] = item.split("=")
    const value = decoded(rest.join("="))
    if (Result.isFailure(value)) return Result.fail(`has a wrong percent sign in the parameter "${name}"`)
    const refusal = refusalOf(name, value.success)
    if (refusal !== undefined) return Result.fail(refusal)
    // As in libpq: `ssl` is the name that JDBC uses.
    if (name === "ssl") parameters.sslmode ??= "require"
    else parameters[name] = value.success
  }
  return Result.succeed(parameters)
}
