import { Layer } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { RecentMessages } from "../../src/chat/RecentMessages.ts"
import { SendQueue } from "../../src/chat/SendQueue.ts"
import { Sends } from "../../src/chat/Sends.ts"
import { EventPublisher } from "../../src/inbox/EventPublisher.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { RedisBus } from "../../src/redis/RedisBus.ts"
import { reposOn } from "../repo/Repos.ts"

/** What a chat stands on when there is no Redis. */
export const memoryServices = Layer.mergeAll(
  RedisBus.layerMemory,
  RecentMessages.layerMemory,
  Sessions.layerMemory
)

/** A chat, and what it is made of beside what it stands on. */
export const chat = Sends.layer.pipe(
  Layer.provide([SendQueue.layer, EventPublisher.layer]),
  Layer.provideMerge(LiveInboxes.layer)
)

/** The chat of one server, over its own connections to the database of the settings. */
export const chatOn = (settings: Partial<Settings>) =>
  Layer.fresh(chat.pipe(Layer.provideMerge(memoryServices), Layer.provideMerge(reposOn(settings))))
