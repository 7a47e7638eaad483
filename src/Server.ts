import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { ByteSize, Effect, FileSystem, Layer, Path, Scope, Stdio, Terminal } from "effect"
import { Etag, HttpIncomingMessage, HttpPlatform, HttpRouter, HttpServer } from "effect/http"
import { ChildProcessSpawner } from "effect/process"
import { AppConfig } from "./AppConfig.ts"
import { fromTrustedProxy } from "./access/ClientAddress.ts"
import { Directory } from "./access/Directory.ts"
import { Disconnects } from "./access/Disconnects.ts"
import { Gate } from "./access/Gate.ts"
import { isLoopback } from "./access/HostNames.ts"
import { OpenPlaces } from "./access/OpenPlaces.ts"
import { RateLimits } from "./access/RateLimits.ts"
import { Tokens } from "./access/Tokens.ts"
import { CloseCode } from "./api/CloseCode.ts"
import { Paths } from "./api/Paths.ts"
import { Blocks } from "./chat/Blocks.ts"
import { Conversations } from "./chat/Conversations.ts"
import { Drafts } from "./chat/Drafts.ts"
import { Edits } from "./chat/Edits.ts"
import { Erasures } from "./chat/Erasures.ts"
import { Exports } from "./chat/Exports.ts"
import { Profiles } from "./chat/Profiles.ts"
import { Reads } from "./chat/Reads.ts"
import { RecentMessages } from "./chat/RecentMessages.ts"
import { Sends } from "./chat/Sends.ts"
import { Typing } from "./chat/Typing.ts"
import { Watches } from "./chat/Watches.ts"
import { Database } from "./database/Database.ts"
import { VERSION } from "./domain/Version.ts"
import { Epoch } from "./Epoch.ts"
import { routeOf, routerConfig } from "./http/Allowed.ts"
import { Answers, takeFew } from "./http/Answers.ts"
import * as Boundary from "./http/Boundary.ts"
import { refuseOtherHosts } from "./http/HostCheck.ts"
import { LateAnswers } from "./http/LateAnswers.ts"
import * as Routes from "./http/Routes.ts"
import { boundWaiting } from "./http/WaitingConnections.ts"
import { EventPublisher } from "./inbox/EventPublisher.ts"
import { InboxReader } from "./inbox/InboxReader.ts"
import { LiveInboxes } from "./inbox/LiveInboxes.ts"
import { Passing } from "./inbox/Passing.ts"
import { Waits } from "./inbox/Waits.ts"
import { Lifecycle } from "./Lifecycle.ts"
import { NodeServer } from "./NodeServer.ts"
import { Descriptors } from "./observability/Descriptors.ts"
import * as Metrics from "./observability/Metrics.ts"
import * as Tracing from "./observability/Tracing.ts"
import { NodeId } from "./presence/NodeId.ts"
import { Sessions } from "./presence/Sessions.ts"
import { discardResult, takenByRoutes, withoutServices } from "./RequestContext.ts"
import { ConnectionRegistry, drainOnShutdown } from "./realtime/ConnectionRegistry.ts"
import { Heartbeat } from "./realtime/Heartbeat.ts"
import * as SocketRoute from "./realtime/SocketRoute.ts"
import { Upgrades } from "./realtime/Upgrades.ts"
import { OlderNodes } from "./redis/OlderNodes.ts"
import { RedisBus } from "./redis/RedisBus.ts"
import { BlockRepo } from "./repo/BlockRepo.ts"
import { ConversationRepo } from "./repo/ConversationRepo.ts"
import { DisconnectRepo } from "./repo/DisconnectRepo.ts"
import { EditRepo } from "./repo/EditRepo.ts"
import { ErasureRepo } from "./repo/ErasureRepo.ts"
import { ExportRepo } from "./repo/ExportRepo.ts"
import { InboxRepo } from "./repo/InboxRepo.ts"
import { MessageRepo } from "./repo/MessageRepo.ts"
import { ProfileRepo } from "./repo/ProfileRepo.ts"
import { ReportRepo } from "./repo/ReportRepo.ts"
import { SearchRepo } from "./repo/SearchRepo.ts"
import { SuspensionRepo } from "./repo/SuspensionRepo.ts"
import { UserRepo } from "./repo/UserRepo.ts"
import { WebhookFacts } from "./repo/WebhookFacts.ts"
import { WebhookRepo } from "./repo/WebhookRepo.ts"
import { services } from "./Services.ts"
import { leaveWithPrimary } from "./Workers.ts"
import { WebhookTargets } from "./webhooks/WebhookTargets.ts"

const httpServer = Layer.unwrap(
  Effect.gen(function* () {
    const { host, port, drainTimeout } = yield* AppConfig
    const server = yield* NodeServer
    return NodeHttpServer.layer(() => server, {
      host,
      port,
      // The deadline below ends the wait earlier: a part of the drain has passed when the server is closed.
      gracefulShutdownTimeout: drainTimeout
    })
  })
).pipe(Layer.provideMerge(NodeServer.layer))

const limits = Layer.unwrap(
  Effect.map(AppConfig, ({ maxBodyBytes }) =>
    Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(maxBodyBytes))
  )
)

const announce = Layer.effectDiscard(
  Effect.gen(function* () {
    const { redisUrl, host, auth } = yield* AppConfig
    const { mode, location } = yield* Database
    const { address } = yield* HttpServer.HttpServer
    const databaseIs = mode === "embedded" ? `embedded, its data in ${location}` : `PostgreSQL at ${location}`
    const redisIs = redisUrl._tag === "None" ? "embedded, in this process's memory" : "Redis"
    yield* Effect.logInfo(`Database: ${databaseIs}`)
    yield* Effect.logInfo(`Bus, cache and sessions: ${redisIs}`)
    if (auth === "open" && !isLoopback(host)) {
      yield* Effect.logWarning(
        `AUTH=open: everyone who reaches ${host} reads and sends as any user. On a network that is not trusted, set AUTH=required`
      )
    }
    yield* Effect.logInfo(
      `Mini Chat listens on http://${host}:${"port" in address ? address.port : ""} (docs at ${Paths.docs})`
    ).pipe(Effect.annotateLogs("node", yield* NodeId))
  })
)

/** Every route. It is built before the server listens: Node drops a request that comes while there is no handler. */
export const router = Layer.mergeAll(Routes.layer, SocketRoute.layer).pipe(
  Layer.provideMerge(HttpRouter.layer),
  Layer.provide([Layer.succeed(HttpRouter.RouterConfig, routerConfig), NodeHttpServer.layerHttpServices])
)

/** The services that routes take when they are built: no request looks them up. */
const taken = takenByRoutes<
  Layer.Success<typeof services | typeof httpServer | typeof router | typeof NodeHttpServer.layerHttpServices>
>()([
  Answers,
  AppConfig,
  BlockRepo,
  Blocks,
  ChildProcessSpawner.ChildProcessSpawner,
  Gate,
  Heartbeat,
  ConnectionRegistry,
  ConversationRepo,
  Conversations,
  Database,
  Descriptors,
  Drafts,
  Directory,
  EditRepo,
  Edits,
  ErasureRepo,
  Erasures,
  ExportRepo,
  Exports,
  DisconnectRepo,
  Disconnects,
  Epoch,
  Etag.Generator,
  EventPublisher,
  FileSystem.FileSystem,
  HttpPlatform.HttpPlatform,
  HttpRouter.HttpRouter,
  HttpRouter.RouterConfig,
  HttpServer.HttpServer,
  InboxRepo,
  InboxReader,
  LateAnswers,
  Lifecycle,
  LiveInboxes,
  MessageRepo,
  Metrics.Metrics,
  NodeId,
  NodeServer,
  OlderNodes,
  OpenPlaces,
  Passing,
  Path.Path,
  ProfileRepo,
  Profiles,
  RateLimits,
  Reads,
  RecentMessages,
  RedisBus,
  SearchRepo,
  ReportRepo,
  Sessions,
  Sends,
  Stdio.Stdio,
  SuspensionRepo,
  Terminal.Terminal,
  Tokens,
  Typing,
  Upgrades,
  UserRepo,
  Waits,
  Watches,
  WebhookFacts,
  WebhookRepo,
  WebhookTargets
])

const serve = Layer.effectDiscard(
  Effect.gen(function* () {
    const app = takeFew((yield* refuseOtherHosts)((yield* HttpRouter.HttpRouter).asHttpEffect()))
    const server = yield* NodeServer
    const upgrades = yield* Upgrades
    const lateAnswers = yield* LateAnswers
    const boundary = yield* Boundary.make
    const lifecycle = yield* Lifecycle
    const { drainTimeout, trustedProxies } = yield* AppConfig
    // At the deadline, connections whose responses are not read are destroyed: otherwise the process would wait for them.
    const cut = Effect.sync(() => server.closeAllConnections())
    yield* Effect.addFinalizer(() => cut)
    yield* lifecycle.drains.pipe(
      Effect.andThen(Effect.sleep(drainTimeout)),
      Effect.andThen(cut),
      Effect.forkScoped
    )
    yield* leaveWithPrimary
    const { serve } = yield* HttpServer.HttpServer
    // Closed after the server. Closed first, nothing would answer the handshakes and polls that the server waits for.
    const afterServer = yield* Scope.fork(yield* Effect.scope)
    const answerLate = Scope.provide(lateAnswers.serve(boundary), afterServer)
    const upgrade = Scope.provide(upgrades.serve(server, app), afterServer)
    yield* withoutServices(
      answerLate.pipe(Effect.andThen(serve(app, discardResult)), Effect.andThen(upgrade))
    )
    yield* boundWaiting(server, trustedProxies)
  })
).pipe(Layer.provideMerge(httpServer), Layer.provide(router), Layer.provide(taken))

/** Not traced: probes, and sockets, whose span would last as long as they do. Each group of sends on a socket is a trace. */
const UNTRACED = [Paths.health, Paths.livez, Paths.readyz, Paths.metrics, Paths.webSocket]

const observability = Layer.unwrap(
  Effect.gen(function* () {
    const node = yield* NodeId
    const settings = yield* AppConfig
    const about = { node, version: VERSION }
    const closeCodes = Object.values(CloseCode).map(({ code }) => code)
    return Layer.mergeAll(
      Metrics.layer({ ...about, closeCodes }),
      Tracing.layer(settings, {
        ...about,
        routeOf,
        decidesSampling: fromTrustedProxy(settings.trustedProxies),
        untraced: new Set<string>(UNTRACED)
      })
    )
  })
).pipe(Layer.provide(NodeId.layer))

/** The whole server, from its routes to its infrastructure. Needs only its settings. */
export const layer = Layer.mergeAll(drainOnShutdown, announce).pipe(
  Layer.provideMerge(serve),
  Layer.provideMerge(services),
  Layer.provide([limits, observability])
)
