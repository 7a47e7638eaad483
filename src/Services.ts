import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { AppConfig } from "./AppConfig.ts"
import { Directory } from "./access/Directory.ts"
import { Disconnects } from "./access/Disconnects.ts"
import { Gate } from "./access/Gate.ts"
import { OpenPlaces } from "./access/OpenPlaces.ts"
import { RateLimits } from "./access/RateLimits.ts"
import { Tokens } from "./access/Tokens.ts"
import { Blocks } from "./chat/Blocks.ts"
import { Conversations } from "./chat/Conversations.ts"
import { Drafts } from "./chat/Drafts.ts"
import { Edits } from "./chat/Edits.ts"
import { Erasures } from "./chat/Erasures.ts"
import { Exports } from "./chat/Exports.ts"
import { Profiles } from "./chat/Profiles.ts"
import { Reads } from "./chat/Reads.ts"
import { RecentMessages } from "./chat/RecentMessages.ts"
import { SendQueue } from "./chat/SendQueue.ts"
import { Sends } from "./chat/Sends.ts"
import { Typing } from "./chat/Typing.ts"
import { Watches } from "./chat/Watches.ts"
import { Database } from "./database/Database.ts"
import * as DatabaseEpoch from "./database/DatabaseEpoch.ts"
import { Answers } from "./http/Answers.ts"
import { LateAnswers } from "./http/LateAnswers.ts"
import { EventPublisher } from "./inbox/EventPublisher.ts"
import { InboxReader } from "./inbox/InboxReader.ts"
import { LiveInboxes } from "./inbox/LiveInboxes.ts"
import { Passing } from "./inbox/Passing.ts"
import * as Pruner from "./inbox/Pruner.ts"
import { Waits } from "./inbox/Waits.ts"
import { Lifecycle } from "./Lifecycle.ts"
import { Descriptors } from "./observability/Descriptors.ts"
import { NodeId } from "./presence/NodeId.ts"
import { Sessions } from "./presence/Sessions.ts"
import { ConnectionRegistry } from "./realtime/ConnectionRegistry.ts"
import * as DisconnectOrders from "./realtime/DisconnectOrders.ts"
import { Heartbeat } from "./realtime/Heartbeat.ts"
import { Upgrades } from "./realtime/Upgrades.ts"
import * as OlderNodes from "./redis/OlderNodes.ts"
import { Redis } from "./redis/Redis.ts"
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
import * as SearchIndex from "./repo/SearchIndex.ts"
import * as SearchRebuild from "./repo/SearchRebuild.ts"
import { SearchRepo } from "./repo/SearchRepo.ts"
import { SuspensionRepo } from "./repo/SuspensionRepo.ts"
import * as UsernameLooks from "./repo/UsernameLooks.ts"
import { UserRepo } from "./repo/UserRepo.ts"
import { WebhookFacts } from "./repo/WebhookFacts.ts"
import { WebhookRepo } from "./repo/WebhookRepo.ts"
import * as Webhooks from "./webhooks/Webhooks.ts"
import { WebhookTargets } from "./webhooks/WebhookTargets.ts"

const database = Database.layer.pipe(Layer.provide(NodeServices.layer))

const repos = Layer.mergeAll(
  UserRepo.layer,
  UsernameLooks.layer,
  ConversationRepo.layer,
  MessageRepo.layer,
  EditRepo.layer,
  ErasureRepo.layer,
  ExportRepo.layer,
  ProfileRepo.layer,
  SearchRepo.layer,
  SearchIndex.layer,
  SearchRebuild.layer,
  InboxRepo.layer,
  DisconnectRepo.layer,
  WebhookRepo.layer,
  WebhookFacts.layer,
  BlockRepo.layer,
  ReportRepo.layer,
  SuspensionRepo.layer,
  DatabaseEpoch.layer
).pipe(Layer.provideMerge(database))

/** The services that nodes share: on Redis, or in memory for a node without Redis. */
const shared = Layer.unwrap(
  Effect.map(AppConfig, ({ redisUrl }) =>
    redisUrl._tag === "Some"
      ? Layer.mergeAll(RedisBus.layer, RecentMessages.layer, Sessions.layer, RateLimits.layer).pipe(
          Layer.provideMerge(OlderNodes.layer),
          Layer.provide(Redis.layer)
        )
      : Layer.mergeAll(
          RedisBus.layerMemory,
          RecentMessages.layerMemory,
          Sessions.layerMemory,
          RateLimits.layerInProcess
        )
  )
)

/** Built before the database is opened: a start without a token key ends before it waits for the database. */
const first = Layer.mergeAll(
  Lifecycle.layer,
  Descriptors.layer,
  NodeId.layer,
  Tokens.layer,
  Answers.layer,
  LateAnswers.layer,
  OpenPlaces.layer,
  Disconnects.layer,
  WebhookTargets.layer
)

/** The services of routes and sockets, from the gate down to the database. */
export const services = DisconnectOrders.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Gate.layer,
      Directory.layer,
      InboxReader.layer,
      Waits.layer,
      Sends.layer.pipe(Layer.provide(SendQueue.layer)),
      Typing.layer,
      Watches.layer,
      Conversations.layer,
      Edits.layer,
      Erasures.layer,
      Exports.layer,
      Blocks.layer,
      Profiles.layer,
      ConnectionRegistry.layer,
      Heartbeat.layer,
      Upgrades.layer,
      Pruner.layer,
      Webhooks.layer
    )
  ),
  Layer.provideMerge(Reads.layer),
  Layer.provideMerge([Drafts.layer, Passing.layer, EventPublisher.layer]),
  Layer.provideMerge(LiveInboxes.layer),
  Layer.provideMerge(shared),
  Layer.provideMerge(repos),
  Layer.provideMerge(first)
)
