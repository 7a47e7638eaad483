import { createServer, type Server } from "node:http"
import { Context, Duration, Effect, FiberSet, Layer } from "effect"
import { AppConfig } from "./AppConfig.ts"
import { Answers } from "./http/Answers.ts"
import { answerClientErrors } from "./http/ClientErrors.ts"
import { closeWhenQuiet } from "./http/QuietClose.ts"
import { warnOnce } from "./observability/Once.ts"
import { isWebSocket } from "./realtime/Upgrades.ts"

/** Connections are checked for requests that take too long at least this often. In milliseconds. */
const CHECK_INTERVAL = 5000

/** The server of Node that listens. */
export class NodeServer extends Context.Service<NodeServer, Server>()("minichat/NodeServer") {
  static readonly layer = Layer.effect(
    NodeServer,
    Effect.gen(function* () {
      const config = yield* AppConfig
      const { Response, whenAllRead } = yield* Answers
      const requestTimeout = Duration.toMillis(config.requestTimeout)
      const headersTimeout = Math.min(Duration.toMillis(config.headersTimeout), requestTimeout)
      const server = createServer({
        ServerResponse: Response,
        headersTimeout,
        requestTimeout,
        connectionsCheckingInterval: Math.min(CHECK_INTERVAL, headersTimeout),
        keepAliveTimeout: Duration.toMillis(config.keepAliveTimeout),
        noDelay: true,
        // A client that offers another protocol, for example HTTP/2, is answered in HTTP/1.1.
        shouldUpgradeCallback: ({ headers }) => isWebSocket(headers.upgrade)
      })
      const run = yield* FiberSet.makeRuntime<never>()
      const warn = warnOnce()
      answerClientErrors(server, () =>
        run(
          warn(
            "A request was answered 431: its headers have more than 16 KiB. Make its token or its cookies smaller, or start Node with --max-http-header-size"
          )
        )
      )
      // Node counts a connection as idle once its answer is written, and would close it while the peer still reads.
      const closeIdleConnections = server.closeIdleConnections.bind(server)
      server.closeIdleConnections = () => whenAllRead(closeIdleConnections)
      closeWhenQuiet(server)
      return server
    })
  )
}
