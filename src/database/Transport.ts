import { readFileSync } from "node:fs"
import { connect, isIP, type Socket } from "node:net"
import { type ConnectionOptions, connect as connectTls } from "node:tls"
import { Duration, Effect, Option, Schema } from "effect"
import { type DatabaseHost, type DatabaseTls, nameOf } from "../settings/DatabaseUrl.ts"
import { rootCause } from "./StatementErrors.ts"

/** There is no connection; the message says why, in the words of the network or of TLS. */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  message: Schema.String
}) {}

const failure = (reason: unknown) => new TransportError({ message: rootCause(reason) })

const CLOSED = "the connection was closed"

/** A host, and whether connections to it are encrypted. */
export interface Route {
  readonly host: DatabaseHost
  readonly isEncrypted: boolean
}

const PLAIN_FIRST = [false, true]
const ENCRYPTED_FIRST = [true, false]

/** The ways to a host, in the order in which its `sslmode` tries them. */
export const routesTo = (host: DatabaseHost, { mode }: DatabaseTls): ReadonlyArray<Route> => {
  const ways = () => {
    // What a Unix socket carries stays in the kernel: libpq encrypts nothing there, whatever the mode is.
    if (mode === "disable" || host.host.startsWith("/")) return [false]
    if (mode === "allow") return PLAIN_FIRST
    return mode === "prefer" ? ENCRYPTED_FIRST : [true]
  }
  return ways().map((isEncrypted) => ({ host, isEncrypted }))
}

/** When the kernel asks an idle peer whether it is there. */
const KEEP_ALIVE = Duration.seconds(10)

/** Begins a connection to a host. An error that comes while nobody listens is found in its `errored`. */
export const open = ({ host, port }: DatabaseHost): Socket =>
  connect({
    ...(host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: Duration.toMillis(KEEP_ALIVE)
  }).on("error", ignore)

const ignore = () => {}

/** Ends a connection on which nothing comes in time: the server, or the network to it, is mute. */
export const expectAnswer = (socket: Socket, host: DatabaseHost, within: Duration.Duration): Socket => {
  socket.setTimeout(Duration.toMillis(within), () => socket.destroy(noAnswer(host, within)))
  return socket.once("data", () => socket.setTimeout(0))
}

const noAnswer = (host: DatabaseHost, within: Duration.Duration) =>
  failure(`no answer from ${nameOf(host)} in ${Duration.format(within)}`)

/** The next of these events; the socket is destroyed when nothing waits for it any more. */
const next = <A>(socket: Socket, event: "connect" | "secureConnect" | "data") =>
  Effect.callback<A, TransportError>((resume) => {
    if (socket.destroyed) return resume(failure(socket.errored ?? CLOSED))
    const settle = (exit: Effect.Effect<A, TransportError>) => {
      socket.off(event, onEvent).off("error", onError).off("close", onClose)
      resume(exit)
    }
    const onEvent = (value: A) => settle(Effect.succeed(value))
    const onError = (error: Error) => settle(failure(error))
    const onClose = () => settle(failure(CLOSED))
    socket.once(event, onEvent).once("error", onError).once("close", onClose)
    return Effect.sync(() => socket.destroy())
  })

/** The error of a connection that is to be encrypted to a server that cannot. */
export const NO_TLS = "the server has no TLS (sslmode)"

/** What a client sends first to ask for TLS: its length, and a number that is no version of the protocol. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const YES = 0x53
const NO = 0x4e

const encrypt = Effect.fnUntraced(function* (socket: Socket, host: DatabaseHost, options: ConnectionOptions) {
  socket.write(SSL_REQUEST)
  const answer = yield* next<Buffer>(socket, "data")
  socket.pause()
  if (answer[0] === NO) return yield* failure(NO_TLS)
  // More than one byte came from somebody in between who wants it taken for an encrypted answer.
  if (answer[0] !== YES || answer.length > 1) {
    return yield* failure("the request for TLS was answered by something else (sslmode)")
  }
  const encrypted = connectTls({
    ...options,
    socket,
    host: host.host,
    ...(isIP(host.host) === 0 ? { servername: host.host } : {})
  }).on("error", ignore)
  yield* Effect.mapError(next<void>(encrypted, "secureConnect"), (error) =>
    /certificate/i.test(error.message) && !/altnames/.test(error.message)
      ? failure(`${error.message.replace(/\.$/, "")}. sslrootcert names the file of a private CA`)
      : error
  )
  return encrypted
})

/** Reads the files of certificates that the URL names. Fails with the parameter whose file cannot be read. */
export const tlsOptions = (tls: DatabaseTls): Effect.Effect<ConnectionOptions, TransportError> => {
  const read = (parameter: string, file: string | undefined) =>
    file === undefined
      ? undefined
      : Effect.try({
          try: () => readFileSync(file),
          catch: (error) => failure(`${parameter} cannot be read: ${rootCause(error)}`)
        })
  const files = {
    ca: read("sslrootcert", Option.getOrUndefined(tls.rootCert)),
    cert: read("sslcert", tls.cert),
    key: read("sslkey", tls.key)
  }
  const { ca, cert, key } = files
  return Effect.map(
    Effect.all({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }),
    (contents): ConnectionOptions => ({
      ...contents,
      passphrase: tls.passphrase,
      minVersion: tls.minVersion,
      maxVersion: tls.maxVersion,
      rejectUnauthorized: tls.isVerified,
      ...(tls.isHostVerified ? {} : { checkServerIdentity: () => undefined })
    })
  )
}

/** Connects, and encrypts where the route says so. The files of certificates are read anew: they may have been renewed. */
export const dial = (
  route: Route,
  tls: DatabaseTls,
  timeout: Duration.Duration
): Effect.Effect<Socket, TransportError> =>
  Effect.gen(function* () {
    const options = route.isEncrypted ? yield* tlsOptions(tls) : undefined
    const socket = open(route.host)
    return yield* next<void>(socket, "connect").pipe(
      Effect.andThen(options === undefined ? Effect.succeed(socket) : encrypt(socket, route.host, options)),
      Effect.onError(() => Effect.sync(() => socket.destroy()))
    )
  }).pipe(
    Effect.timeoutOrElse({ duration: timeout, orElse: () => noAnswer(route.host, timeout) }),
    Effect.map((socket) => expectAnswer(socket, route.host, timeout))
  )
