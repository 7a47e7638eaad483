import { DateTime, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AppConfig } from "../AppConfig.ts"
import { Api } from "../api/Api.ts"
import { Database } from "../database/Database.ts"
import { VERSION } from "../domain/Version.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { RedisBus } from "../redis/RedisBus.ts"

/** Anyone may ask how the server is, as often as they like. So often the database is asked, at most. */
const ASKED_EVERY = "250 millis"

export const layer = HttpApiBuilder.group(
  Api,
  "system",
  Effect.fnUntraced(function* (handlers) {
    const database = yield* Database
    const bus = yield* RedisBus
    const lifecycle = yield* Lifecycle
    const { redisUrl } = yield* AppConfig
    const embeddedRedis = redisUrl._tag === "None"

    const databaseAnswers = yield* database
      .orUnavailable(database.health`SELECT 1`)
      .pipe(
        Effect.timeout("2 seconds"),
        Effect.matchCause({ onFailure: () => false, onSuccess: () => true }),
        Effect.cachedWithTTL(ASKED_EVERY)
      )

    return handlers.handleAll({
      welcome: () =>
        Effect.succeed({
          message: "Mini Chat",
          version: VERSION,
          endpoints: { users: "/users/", messages: "/messages/", websocket: "/ws/{user_id}", docs: "/docs" }
        }),

      health: Effect.fnUntraced(function* () {
        const databaseUp = yield* databaseAnswers
        const redisUp = bus.isUp()
        const health = {
          status: databaseUp ? (redisUp ? "OK" : "DEGRADED") : "ERROR",
          database: databaseUp ? (database.mode === "embedded" ? "OK (embedded)" : "OK") : "ERROR",
          redis: redisUp ? (embeddedRedis ? "OK (embedded)" : "OK") : "ERROR",
          timestamp: DateTime.formatIso(yield* DateTime.now)
        } as const
        return HttpServerResponse.jsonUnsafe(health, { status: databaseUp ? 200 : 503 })
      }),

      livez: () => Effect.succeed({ status: "OK" as const }),

      readyz: Effect.fnUntraced(function* () {
        if (lifecycle.isDraining())
          return HttpServerResponse.jsonUnsafe({ status: "DRAINING" }, { status: 503 })
        return (yield* databaseAnswers)
          ? HttpServerResponse.jsonUnsafe({ status: "OK" })
          : HttpServerResponse.jsonUnsafe({ status: "ERROR" }, { status: 503 })
      })
    })
  })
)
