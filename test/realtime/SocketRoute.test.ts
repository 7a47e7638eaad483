import { ServerResponse } from "node:http"
import { queryObjects } from "node:v8"
import { assert, it } from "@effect/vitest"
import { Array, Context, Effect } from "effect"
import { Sends } from "../../src/chat/Sends.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { ConnectionRegistry } from "../../src/realtime/ConnectionRegistry.ts"
import { startServer } from "../support/TestServer.ts"
import { chatOn, freshServices } from "./support/ChatServer.ts"
import { eventually } from "./support/Eventually.ts"

it.live("a socket that fails is closed with 1011, and nothing is left of it", () =>
  Effect.gen(function* () {
    const server = yield* Effect.flatMap(freshServices, startServer)
    const { newUser, connect } = yield* chatOn(server)
    const [alice, bob] = [yield* newUser, yield* newUser]
    const socket = yield* connect(alice)
    yield* socket.expect("system")
    Reflect.set(Context.get(server.services, Sends), "sendAll", () => Effect.die("a defect of the test"))

    yield* socket.send({ type: "send", receiver_id: bob.id, content: "hi", client_id: "c1" })

    assert.strictEqual((yield* socket.closed).code, 1011)
    const left = Effect.all([
      Context.get(server.services, ConnectionRegistry).size,
      Context.get(server.services, LiveInboxes).size
    ])
    yield* eventually(left, ([sockets, inboxes]) => sockets + inboxes === 0)
  })
)

it.live("nothing is left of a request once its socket is open", () =>
  Effect.gen(function* () {
    const server = yield* Effect.flatMap(freshServices, startServer)
    const { newUser, connect } = yield* chatOn(server)
    const user = yield* newUser
    const before = queryObjects(ServerResponse, { format: "count" })

    const sockets = yield* Effect.forEach(Array.range(1, 50), () => connect(user))
    yield* Effect.forEach(sockets, ({ expect }) => expect("system"))

    const responses = Effect.sync(() => queryObjects(ServerResponse, { format: "count" }))
    yield* eventually(responses, (count) => count <= before)
    assert.strictEqual(yield* Context.get(server.services, ConnectionRegistry).size, 50)
  })
)
