import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Drafts } from "../../src/chat/Drafts.ts"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import { UserId } from "../../src/domain/User.ts"
import { Epoch } from "../../src/Epoch.ts"
import { type Addressees, ConversationRepo } from "../../src/repo/ConversationRepo.ts"

const [ALICE, BOB, CAROL] = [UserId.make(1), UserId.make(2), UserId.make(3)]
const SEVEN = ConversationId.make(7)

it.effect(
  "addressees are cached until the database has another history, which assigns ids a second time",
  () =>
    Effect.gen(function* () {
      let found: Addressees = { kind: "direct", users: [ALICE, BOB] }
      let queries = 0
      const repo = Layer.mock(ConversationRepo, {
        addressees: () =>
          Effect.sync(() => {
            queries++
            return found
          })
      })
      const services = yield* Layer.build(
        Drafts.layer.pipe(Layer.provide(repo), Layer.provideMerge(Layer.fresh(Epoch.layerMemory)))
      )
      const draft = Context.get(services, Drafts).of(ALICE, { content: "hi", conversation_id: SEVEN })

      assert.deepInclude(yield* draft, { receiver_id: BOB })
      found = { kind: "direct", users: [ALICE, CAROL] }
      assert.deepInclude(yield* draft, { receiver_id: BOB })
      assert.strictEqual(queries, 1)

      Context.get(services, Epoch).observe("another history")
      yield* Effect.yieldNow
      assert.deepInclude(yield* draft, { receiver_id: CAROL })
    })
)
