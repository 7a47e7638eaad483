import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, type Scope } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { WebhookRepo } from "../../src/repo/WebhookRepo.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { startReceiver } from "./Receiver.ts"
import { startNode } from "./Servers.ts"

const suite = (name: string, fresh: Effect.Effect<Partial<Settings>, never, Scope.Scope>) =>
  describe(`pruning webhooks on ${name}`, () => {
    /** A node that serves nothing, and an endpoint that another node once served, with one event in its queue. */
    const world = Effect.gen(function* () {
      const node = yield* startNode([], { ...(yield* fresh), webhookSecrets: [] })
      const repo = Context.get(node.server.services, WebhookRepo)
      const serve = repo.serve("hash", "https://app.example.com/webhooks")
      const endpoint = yield* serve
      yield* node.newUser
      assert.strictEqual(yield* node.waiting, 1)
      const unservedForDays = node.sql`UPDATE webhook_endpoints SET seen_at = seen_at - interval '2 days'`
      const anHourLater = node.sql`UPDATE webhook_endpoints SET retired_at = retired_at - interval '61 minutes'`
      return { node, repo, serve, endpoint, unservedForDays, anHourLater }
    })

    it.live("retires an endpoint that was not served for a day, and empties it an hour later", () =>
      Effect.gen(function* () {
        const { node, repo, unservedForDays, anHourLater } = yield* world
        yield* repo.prune
        assert.lengthOf(yield* repo.served, 1)

        yield* unservedForDays
        yield* repo.prune
        assert.deepEqual(yield* repo.served, [])
        yield* node.newUser
        yield* repo.prune
        assert.strictEqual(yield* node.waiting, 1)

        yield* anHourLater
        yield* repo.prune
        assert.strictEqual(yield* node.waiting, 0)
        assert.deepEqual(yield* repo.deadLetters(9), [])
      })
    )

    it.live("deletes nothing of an endpoint that is served again", () =>
      Effect.gen(function* () {
        const { node, repo, serve, endpoint, unservedForDays, anHourLater } = yield* world
        yield* unservedForDays
        yield* repo.prune
        yield* anHourLater
        assert.strictEqual(yield* serve, endpoint)
        yield* repo.prune
        assert.strictEqual(yield* node.waiting, 1)
        yield* node.newUser
        assert.strictEqual(yield* node.waiting, 2)

        // The hour starts anew when it is retired again.
        yield* unservedForDays
        yield* repo.prune
        yield* repo.prune
        assert.strictEqual(yield* node.waiting, 2)
      })
    )

    it.live(
      "leaves the first event of a lane for last, so that the lane goes on when the endpoint is served again",
      () =>
        Effect.gen(function* () {
          const { node, repo, serve, endpoint, unservedForDays, anHourLater } = yield* world
          yield* node.sql`
          INSERT INTO webhook_events (endpoint_id, id, webhook_id, lane, type, due_at)
          SELECT ${endpoint}, 1000 + i, gen_random_uuid(), 7, 'conversation.updated', CASE i WHEN 1 THEN now() ELSE 'infinity' END
          FROM generate_series(1, 600) i`
          yield* unservedForDays
          yield* repo.prune
          yield* anHourLater
          yield* repo.prune
          assert.isBelow(yield* node.waiting, 600)
          yield* serve
          const leased = yield* repo.step(endpoint, [], 16, Duration.minutes(1))
          assert.include(
            leased!.map(({ id }) => id),
            1001
          )
        })
    )

    it.live("makes an event a dead letter again that was sent again as one", () =>
      Effect.gen(function* () {
        const { node, repo, endpoint, unservedForDays, anHourLater } = yield* world
        yield* node.sql`
          INSERT INTO webhook_dead_letters (endpoint_id, id, webhook_id, lane, type, happened_at, attempts, reason)
          VALUES (${endpoint}, 0, gen_random_uuid(), 1, 'message.created', now() - interval '4 days', 1, '410')`
        assert.strictEqual(yield* repo.retry(undefined), 1)
        yield* unservedForDays
        yield* repo.prune
        yield* anHourLater
        yield* repo.prune
        assert.strictEqual(yield* node.waiting, 0)
        const letters = yield* repo.deadLetters(9)
        assert.deepEqual(
          letters.map(({ type, reason }) => ({ type, reason })),
          [{ type: "message.created", reason: "no node serves the URL" }]
        )
      })
    )

    it.live("goes on with what its node serves, after a restored backup has said otherwise", () =>
      Effect.gen(function* () {
        const receiver = yield* startReceiver
        const node = yield* startNode([receiver.url], {
          ...(yield* fresh),
          timings: { prune: Duration.millis(20) }
        })
        yield* node.sql`UPDATE webhook_endpoints SET seen_at = seen_at - interval '2 days'`
        yield* until(
          Effect.map(
            node.sql`SELECT FROM webhook_endpoints WHERE seen_at > now() - interval '1 day' AND retired_at IS NULL AND NOT retired`,
            ({ length }) => length === 1
          )
        )
      })
    )
  })

suite("the embedded database", freshEmbedded)
if (databaseUrl !== undefined) suite("PostgreSQL", freshDatabase)
