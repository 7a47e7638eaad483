import { DateTime, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AppConfig } from "../AppConfig.ts"
import { Api } from "../api/Api.ts"
import { endpoints, Health, Probe } from "../api/System.ts"
import { Database } from "../database/Database.ts"
import { VERSION } from "../domain/Version.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { Descriptors } from "../observability/Descriptors.ts"
import { withServices } from "../RequestContext.ts"
import { RedisBus } from "../redis/RedisBus.ts"
import { json } from "./Json.ts"
import * as Page from "./Page.ts"

/** `/health` and `/readyz` need no token and have no limit, so the database is queried at most once within this time. */
const ASKED_EVERY = "250 millis"

const ready = json(Probe)
const unready = json(Probe, { status: 503 })

export const layer = HttpApiBuilder.group(
  Api,
  "system",
  Effect.fnUntraced(function* (handlers) {
    const database = yield* Database
    const bus = yield* RedisBus
    const lifecycle = yield* Lifecycle
    const descriptors = yield* Descriptors
    const { redisUrl, page: isPageOn } = yield* AppConfig
    const embeddedRedis = redisUrl._tag === "None"

    const databaseAnswers = yield* database
      .orUnavailable(database.health`SELECT 1`)
      .pipe(
        Effect.timeout("2 seconds"),
        Effect.matchCause({ onFailure: () => false, onSuccess: () => true }),
        Effect.cachedWithTTL(ASKED_EVERY)
      )

    const welcome = Effect.succeed({ message: "Mini Chat", version: VERSION, endpoints })
    const page = isPageOn === "on" ? yield* Page.document : undefined

    return handlers.handleAll({
      welcome: ({ request }) => (page !== undefined && Page.isWanted(request) ? page(request) : welcome),

      health: Effect.fnUntraced(function* () {
        const databaseUp = yield* databaseAnswers
        const redisUp = bus.isUp()
        const health = {
          status: databaseUp ? (redisUp ? "OK" : "DEGRADED") : "ERROR",
          database: databaseUp ? (database.mode === "embedded" ? "OK (embedded)" : "OK") : "ERROR",
          redis: redisUp ? (embeddedRedis ? "OK (embedded)" : "OK") : "ERROR",
          timestamp: DateTime.formatIso(yield* DateTime.now)
        } as const
        return json(Health, { status: databaseUp ? 200 : 503 })(health)
      }),

      livez: () => Effect.succeed({ status: "OK" as const }),

      readyz: Effect.fnUntraced(function* () {
        if (lifecycle.isLeaving()) return unready({ status: "DRAINING" })
        return descriptors.areLeft() && (yield* databaseAnswers)
          ? ready({ status: "OK" })
          : unready({ status: "ERROR" })
      })
    })
  }, withServices)
)
