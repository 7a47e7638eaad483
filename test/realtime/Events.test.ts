import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { WebSocket } from "ws"
import { followersOf } from "../support/Followers.ts"
import { startServer } from "../support/TestServer.ts"
import { ChatServer, chatOn, hasSharedServices, sharedServices } from "./support/ChatServer.ts"
import { eventually } from "./support/Eventually.ts"

type Chat = ChatServer["Service"]

/** The texts of the first `count` events of a socket, as they came over the wire. */
const rawEvents = (url: string, count: number) =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    const frames: Array<string> = []
    const socket = new WebSocket(url, ["minichat.v2"])
    socket.on("message", (data) => {
      const frame = String(data)
      // When the replay ends is not the same on every node: the last event may be live there.
      if (!frame.includes('"seq":') || frames.push(frame) < count) return
      socket.close()
      resume(Effect.succeed(frames))
    })
    return Effect.sync(() => socket.terminate())
  })

const get = (url: string) => Effect.promise(async () => await (await fetch(url)).text())

/** A page of a server whose epoch is that of a greeting. */
const pageIn = (epoch: string) => (events: ReadonlyArray<string>, cursor: number) =>
  `{"events":[${events.join(",")}],"cursor":${cursor},"epoch":"${epoch}","recovered":true}`

/** Sends through node `a` and reads on both in every way that there is. */
const compareBytes = Effect.fnUntraced(function* (a: Chat, b: Chat) {
  const [alice, bob] = [yield* a.newUser, yield* a.newUser]
  const events = (chat: Chat, query: string) => get(`${chat.server.url}/users/${bob.id}/events?${query}`)
  const socket = (chat: Chat) => `${chat.server.webSocketUrl}/ws/${bob.id}`
  const first = yield* a.connect(bob)
  const pageOf = pageIn((yield* first.expect("system")).epoch)
  const live = yield* Effect.forkChild(rawEvents(socket(b), 3))
  yield* eventually(
    a.client.users.presence({ params: { user_id: bob.id } }),
    ({ connections }) => connections === 2
  )

  yield* a.post(alice, bob, 'quotes " and \\ and \u2028 and \u{1F600} and </script>')
  yield* a.post(bob, alice, "an answer", 'a "client" id')
  yield* a.post(alice, bob, "\ttabs\tand\nlines")

  const frames = yield* Fiber.join(live)
  for (const chat of [a, b]) {
    assert.deepStrictEqual(yield* rawEvents(`${socket(chat)}?since=0`, 3), frames)
    assert.strictEqual(yield* events(chat, "since=0"), pageOf(frames, 3))
    assert.strictEqual(yield* events(chat, "since=1&limit=1"), pageOf([frames[1]!], 2))
    assert.strictEqual(yield* events(chat, "since=1&wait=30"), pageOf(frames.slice(1), 3))
  }
})

/** A poll that waits on node `b` for what is sent through node `a`. */
const pollWhileSending = Effect.fnUntraced(function* (a: Chat, b: Chat) {
  const [alice, bob] = [yield* a.newUser, yield* a.newUser]
  const poll = yield* Effect.forkChild(get(`${b.server.url}/users/${bob.id}/events?since=0&wait=30`))
  yield* eventually(followersOf(b.server.services, bob.id), (polls) => polls === 1)

  yield* a.post(alice, bob, "hello")

  const [event] = yield* rawEvents(`${b.server.webSocketUrl}/ws/${bob.id}?since=0`, 1)
  const page = yield* Fiber.join(poll)
  assert.strictEqual(page, pageIn(JSON.parse(page).epoch)([event!], 1))
  yield* eventually(followersOf(b.server.services, bob.id), (polls) => polls === 0)
})

layer(ChatServer.layer(), { excludeTestServices: true })("the events of an inbox", (it) => {
  it.effect("are the same bytes live, replayed and in pages", () =>
    Effect.flatMap(ChatServer, (chat) => compareBytes(chat, chat))
  )

  it.effect("end a poll that waits for them", () =>
    Effect.flatMap(ChatServer, (chat) => pollWhileSending(chat, chat))
  )

  it.effect("are followed no longer by a poll that has ended", () =>
    Effect.gen(function* () {
      const { server, client, newUser, post } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      const following = followersOf(server.services, bob.id)
      const query = { since: 0, limit: 10, wait: 30 }
      const poll = yield* Effect.forkChild(client.users.events({ params: { user_id: bob.id }, query }))
      yield* eventually(following, (count) => count === 1)

      yield* post(alice, bob, "hello")

      assert.lengthOf((yield* Fiber.join(poll)).events, 1)
      assert.strictEqual(yield* following, 0)
    })
  )
})

describe.runIf(hasSharedServices)("the events of an inbox on two nodes", () => {
  const twoNodes = Effect.gen(function* () {
    const services = yield* sharedServices
    const node = Effect.flatMap(startServer(services), chatOn)
    return [yield* node, yield* node] as const
  })

  it.live("are the same bytes live, replayed and in pages", () =>
    Effect.flatMap(twoNodes, ([a, b]) => compareBytes(a, b))
  )

  it.live("end a poll that waits for them", () =>
    Effect.flatMap(twoNodes, ([a, b]) => pollWhileSending(a, b))
  )
})
