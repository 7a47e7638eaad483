import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { startReceiver } from "../webhooks/Receiver.ts"
import { SECRET } from "../webhooks/Servers.ts"
import * as Deployment from "./support/Deployment.ts"
import { post } from "./support/Http.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import { until } from "./support/Until.ts"

const CONVERSATIONS = 5
const MESSAGES = 10

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "120 seconds" })("Webhooks", (it) => {
  it.effect("of a node that is killed while it delivers are delivered by another, in order, none lost", () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver
      receiver.respond = ({ event }, response) => {
        if (event.type.startsWith("user.")) response.writeHead(204).end()
      }
      const deployment = yield* Deployment.make({
        nodes: 1,
        clients: 0,
        env: { WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET }
      })
      const { sql } = deployment
      const [first] = deployment.nodes
      const [alice, ...others] = yield* deployment.createUsers(1 + CONVERSATIONS)
      const sent: Array<number> = []
      for (let i = 0; i < MESSAGES; i++) {
        for (const other of others) {
          const { body } = yield* post(`${first!.url}/messages/`, {
            sender_id: alice,
            receiver_id: other,
            content: `${i}`
          })
          sent.push(JSON.parse(body).id)
        }
      }
      yield* until(
        "attempts are under way",
        Effect.sync(() => receiver.of("conversation.created").length === CONVERSATIONS),
        "30 seconds"
      )

      yield* first!.signal("SIGKILL")
      yield* first!.ended
      receiver.respond = (_, response) => response.writeHead(204).end()
      yield* deployment.startNode()
      // As if the leases of the killed node had run out.
      yield* sql`UPDATE webhook_events SET due_at = clock_timestamp() WHERE attempts > 0`

      yield* until(
        "all are delivered",
        Effect.map(sql`SELECT FROM webhook_events LIMIT 1`, (rows) => rows.length === 0),
        "60 seconds"
      )
      const told = receiver.of("message.created").map(({ event }) => event.data.message)
      assert.sameMembers([...new Set(told.map(({ id }) => id))], sent)
      for (const other of others) {
        const ids = [
          ...new Set(told.filter(({ receiver_id }) => receiver_id === other).map(({ id }) => id))
        ] as Array<number>
        assert.lengthOf(ids, MESSAGES)
        assert.deepEqual(
          ids,
          ids.toSorted((one, two) => one - two)
        )
      }
    })
  )
})
