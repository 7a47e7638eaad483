import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newPair, newUser, newUsers, send, TIMESTAMP } from "./ChatServer.ts"
import { eventsOf, newGroup, sendTo } from "./Groups.ts"

const typesOf = (events: ReadonlyArray<{ readonly type: string }>) => events.map(({ type }) => type)

const withoutSeq = ({ seq: _, ...event }: { readonly seq: number }) => event

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe("making a conversation", () => {
    it.effect("a group is answered as its owner sees it, and every member gets the event", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob, carol] = yield* newUsers(3)
        const { status, json } = yield* ask("POST", "/conversations/", {
          json: {
            user_id: alice!.id,
            kind: "group",
            title: "  Hiking  ",
            member_ids: [bob!.id, carol!.id],
            history: "joined",
            metadata: { color: "green", nested: [1, null, { a: "é" }] }
          }
        })
        assert.strictEqual(status, 200)
        assert.deepInclude(json, {
          kind: "group",
          title: "Hiking",
          history: "joined",
          metadata: { color: "green", nested: [1, null, { a: "é" }] },
          created_by: alice!.id,
          role: "owner",
          member_count: 3
        })
        assert.match(json.created_at, TIMESTAMP)
        for (const [user, role] of [
          [alice!, "owner"],
          [bob!, "member"],
          [carol!, "member"]
        ] as const) {
          const events = yield* eventsOf(user)
          assert.deepEqual(events.map(withoutSeq), [
            { type: "conversation_added", conversation: { ...json, role } }
          ])
        }
      })
    )

    it.effect("a repeated client_id answers with the first group, also when the calls are parallel", () =>
      Effect.gen(function* () {
        const { ask, stored } = yield* ChatServer
        const [alice, bob] = yield* newUsers(2)
        const json = {
          user_id: alice!.id,
          kind: "group",
          title: "once",
          member_ids: [bob!.id],
          client_id: "g1"
        }
        const made = yield* Effect.replicateEffect(ask("POST", "/conversations/", { json }), 8, {
          concurrency: "unbounded"
        })
        for (const { status, json } of made) assert.deepEqual([status, json], [200, made[0]!.json])
        assert.lengthOf(yield* eventsOf(bob!), 1)
        const before = yield* stored
        const other = yield* ask("POST", "/conversations/", { json: { ...json, title: "twice" } })
        assert.deepEqual([other.status, other.json.type], [409, "urn:minichat:problem:client-id-conflict"])
        assert.strictEqual(other.json.detail, "This client_id was used for another group")
        assert.strictEqual(yield* stored, before)
      })
    )

    it.effect("a repeated client_id is refused when the maker is no member any more", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob] = yield* newUsers(2)
        const json = {
          user_id: alice!.id,
          kind: "group",
          title: "once",
          member_ids: [bob!.id],
          client_id: "g2"
        }
        const { id } = (yield* ask("POST", "/conversations/", { json })).json
        yield* ask("DELETE", `/conversations/${id}/members/${alice!.id}?user_id=${alice!.id}`)
        const again = yield* ask("POST", "/conversations/", { json })
        assert.deepEqual([again.status, again.json.type], [403, "urn:minichat:problem:not-member"])
      })
    )

    it.effect("a group of its maker alone is one, and repeated ids and the maker's own count once", () =>
      Effect.gen(function* () {
        const [alice, bob] = yield* newUsers(2)
        assert.strictEqual((yield* newGroup(alice!, [])).member_count, 1)
        assert.strictEqual((yield* newGroup(alice!, [bob!, bob!, alice!, bob!])).member_count, 2)
      })
    )

    it.effect(
      "a direct conversation is made once, by the first who asks, and each gets the other one's name",
      () =>
        Effect.gen(function* () {
          const { ask } = yield* ChatServer
          const { alice, bob } = yield* newPair
          const asks = [
            [alice, bob],
            [bob, alice],
            [alice, bob]
          ].map(([one, other]) =>
            ask("POST", "/conversations/", { json: { user_id: one!.id, kind: "direct", with: other!.id } })
          )
          const made = yield* Effect.all(asks, { concurrency: "unbounded" })
          assert.lengthOf(new Set(made.map(({ json }) => json.id)), 1)
          assert.strictEqual(made[0]!.json.with.username, bob.username)
          assert.strictEqual(made[1]!.json.with.username, alice.username)
          for (const [user, other] of [
            [alice, bob],
            [bob, alice]
          ] as const) {
            const [added, ...rest] = yield* eventsOf(user)
            assert.isEmpty(rest)
            assert.deepInclude(added!.conversation, { id: made[0]!.json.id, kind: "direct" })
            assert.nestedProperty(added, "conversation.with.user_id")
            assert.deepNestedInclude(added, { "conversation.with.user_id": other.id })
          }
          const sent = yield* send(alice, bob, "hello")
          assert.strictEqual(sent.conversation_id, made[0]!.json.id)
        })
    )

    it.effect("the first message makes a direct conversation, which is then got", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const { conversation_id } = yield* send(alice, bob, "hello")
        const { json } = yield* ask("POST", "/conversations/", {
          json: { user_id: bob.id, kind: "direct", with: alice.id }
        })
        assert.strictEqual(json.id, conversation_id)
        assert.deepEqual(typesOf(yield* eventsOf(bob)), ["message"])
      })
    )
  })

  describe("sending to a conversation", () => {
    it.effect("a group's message comes to every member once, and to its sender's other devices", () =>
      Effect.gen(function* () {
        const [alice, bob, carol] = yield* newUsers(3)
        const { id } = yield* newGroup(alice!, [bob!, carol!])
        const sent = yield* sendTo(alice!, id, "hello all", { client_id: "c1", metadata: { a: 1 } })
        assert.deepNestedInclude(sent, { conversation_id: id, content: "hello all", metadata: { a: 1 } })
        assert.notProperty(sent, "receiver_id")
        assert.deepEqual(typesOf(yield* eventsOf(alice!)), ["conversation_added", "message_sent"])
        assert.deepEqual(typesOf(yield* eventsOf(bob!)), ["conversation_added", "message"])
        assert.deepEqual(typesOf(yield* eventsOf(carol!)), ["conversation_added", "message"])
        const again = yield* sendTo(alice!, id, "hello all", { client_id: "c1", metadata: { a: 1 } })
        assert.strictEqual(again.id, sent.id)
        assert.lengthOf(yield* eventsOf(bob!), 2)
      })
    )

    it.effect("a direct conversation's message goes to the other user, as one that names it", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const first = yield* send(alice, bob, "first")
        const { json } = yield* ask("POST", "/messages/", {
          json: { sender_id: bob.id, conversation_id: first.conversation_id, content: "back" }
        })
        assert.strictEqual(json.receiver_id, alice.id)
        assert.strictEqual(json.conversation_id, first.conversation_id)
        assert.deepEqual(typesOf(yield* eventsOf(alice)), ["message_sent", "message"])
      })
    )

    it.effect("a reply quotes a message of its conversation, as it is now", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob] = yield* newUsers(2)
        const { id } = yield* newGroup(alice!, [bob!])
        const quoted = yield* sendTo(alice!, id, "x".repeat(300))
        const reply = yield* sendTo(bob!, id, "yes", { reply_to_id: quoted.id })
        assert.deepNestedInclude(reply, {
          reply_to: { id: quoted.id, sender_id: alice!.id, content: "x".repeat(200) }
        })
        yield* ask("DELETE", `/messages/${quoted.id}?user_id=${alice!.id}`)
        const { json } = yield* ask("GET", `/messages/${reply.id}?user_id=${alice!.id}`)
        assert.strictEqual(json.reply_to.content, "")
      })
    )
  })

  describe("the list of conversations", () => {
    it.effect("is newest activity first, with the last message and what is unread", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob, carol] = yield* newUsers(3)
        const group = yield* newGroup(bob!, [alice!])
        const direct = yield* send(carol!, alice!, "1")
        yield* sendTo(bob!, group.id, "in the group")
        yield* sendTo(bob!, group.id, "again")
        yield* sendTo(alice!, group.id, "mine")

        const { json } = yield* ask("GET", `/conversations/?user_id=${alice!.id}`)
        const [first, second] = json.conversations
        assert.lengthOf(json.conversations, 2)
        assert.deepInclude(first, { id: group.id, unread: 2 })
        assert.strictEqual(first.last_message.content, "mine")
        assert.deepInclude(second, { id: direct.conversation_id, unread: 1 })
        assert.strictEqual(second.with.username, carol!.username)
        assert.isNull(json.next)
      })
    )

    it.effect("is paged with before, without gap or repeat", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, ...others] = yield* newUsers(6)
        for (const other of others) yield* send(other, alice!, "hi")
        const seen: Array<number> = []
        let before = ""
        for (let page = 0; page < 3; page++) {
          const { json } = yield* ask("GET", `/conversations/?user_id=${alice!.id}&limit=2${before}`)
          seen.push(...json.conversations.map((each: { with: { user_id: number } }) => each.with.user_id))
          before = `&before=${json.next}`
          assert.strictEqual(json.next === null, page === 2)
        }
        assert.deepEqual(seen, others.map(({ id }) => id).reverse())
      })
    )

    it.effect("has no tag and is never a 304, as the new name of a peer is not an event for everyone", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const { id } = yield* send(alice, bob, "1")
        const path = `/conversations/?user_id=${bob.id}`
        const first = yield* ask("GET", path)
        const history = (yield* ask("GET", `/messages/?user_id=${bob.id}`)).headers.get("etag")!
        assert.isNull(first.headers.get("etag"))

        for (const tag of [history, "*"]) {
          const again = yield* ask("GET", path, { headers: { "if-none-match": tag } })
          assert.deepEqual([again.status, again.json], [200, first.json], tag)
        }
        assert.strictEqual(first.json.conversations[0].last_message.id, id)
      })
    )
  })

  describe("a conversation's history", () => {
    it.effect("is a 304 until something changes for the user", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const { id, conversation_id } = yield* send(alice, bob, "1")
        const path = `/messages/?user_id=${bob.id}&conversation_id=${conversation_id}`
        const changes = [
          send(alice, bob, "2"),
          ask("PATCH", `/messages/${id}`, { json: { user_id: alice.id, content: "edited" } }),
          ask("POST", `/conversations/${conversation_id}/read`, { json: { user_id: bob.id, message_id: id } })
        ]
        for (const change of changes) {
          const known = { headers: { "if-none-match": (yield* ask("GET", path)).headers.get("etag")! } }
          assert.strictEqual((yield* ask("GET", path, known)).status, 304)
          yield* change
          assert.strictEqual((yield* ask("GET", path, known)).status, 200)
        }
      })
    )

    it.effect("pages back newest first, and forward oldest first, also by chat_with", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const sent = yield* Effect.forEach(["1", "2", "3", "4", "5"], (content) => send(alice, bob, content))
        const of = `conversation_id=${sent[0]!.conversation_id}`
        const contents = (query: string) =>
          Effect.map(ask("GET", `/messages/?user_id=${bob.id}&${query}`), ({ json }) =>
            json.map(({ content }: { readonly content: string }) => content)
          )
        for (const chat of [of, `chat_with=${alice.id}`]) {
          assert.deepEqual(yield* contents(chat), ["5", "4", "3", "2", "1"])
          assert.deepEqual(yield* contents(`${chat}&limit=2&before_id=${sent[3]!.id}`), ["3", "2"])
          assert.deepEqual(yield* contents(`${chat}&limit=2&after_id=${sent[1]!.id}`), ["3", "4"])
          assert.deepEqual(yield* contents(`${chat}&after_id=${sent[4]!.id}`), [])
          assert.deepEqual(yield* contents(`${chat}&skip=1&after_id=${sent[1]!.id}`), ["4", "5"])
        }
      })
    )
  })

  describe("members", () => {
    it.effect("are listed by id and paged with after", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, ...others] = yield* newUsers(5)
        const { id } = yield* newGroup(alice!, others)
        const page = (query: string) =>
          Effect.map(
            ask("GET", `/conversations/${id}/members?user_id=${alice!.id}&limit=2${query}`),
            ({ json }) => json
          )
        const first = yield* page("")
        const second = yield* page(`&after=${first.next}`)
        const third = yield* page(`&after=${second.next}`)
        assert.isNull(third.next)
        const members = [...first.members, ...second.members, ...third.members]
        assert.deepEqual(
          members.map(({ user_id }) => user_id),
          [alice!, ...others].map(({ id }) => id)
        )
        assert.deepInclude(members[0], { username: alice!.username, role: "owner" })
      })
    )

    it.effect(
      "who is added gets the event of the group, and the others that of the member; a repeat changes nothing",
      () =>
        Effect.gen(function* () {
          const { ask, stored } = yield* ChatServer
          const [alice, bob, carol] = yield* newUsers(3)
          const { id } = yield* newGroup(alice!, [bob!])
          const put = (json: object) => ask("PUT", `/conversations/${id}/members/${carol!.id}`, { json })
          const added = yield* put({ user_id: alice!.id })
          assert.deepInclude(added.json, { user_id: carol!.id, username: carol!.username, role: "member" })
          assert.deepEqual(typesOf(yield* eventsOf(carol!)), ["conversation_added"])
          const [, told] = yield* eventsOf(bob!)
          assert.deepInclude(told, {
            type: "member_added",
            conversation_id: id,
            by: alice!.id,
            member_count: 3,
            member: added.json
          })
          const before = yield* stored
          assert.deepEqual((yield* put({ user_id: alice!.id })).json, added.json)
          assert.strictEqual(yield* stored, before)
          const promoted = yield* put({ user_id: alice!.id, role: "admin" })
          assert.strictEqual(promoted.json.role, "admin")
          assert.deepEqual(typesOf(yield* eventsOf(carol!)), ["conversation_added", "member_updated"])
        })
    )

    it.effect("the same member added twice at once is added once", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob] = yield* newUsers(2)
        const { id } = yield* newGroup(alice!, [])
        const put = ask("PUT", `/conversations/${id}/members/${bob!.id}`, { json: { user_id: alice!.id } })
        const answers = yield* Effect.replicateEffect(put, 8, { concurrency: "unbounded" })
        assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
        assert.lengthOf(yield* eventsOf(bob!), 1)
        assert.deepEqual(typesOf(yield* eventsOf(alice!)), ["conversation_added", "member_added"])
      })
    )

    it.effect("an owner that leaves is followed by the oldest admin, and the last one may leave, too", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob, carol] = yield* newUsers(3)
        const { id } = yield* newGroup(alice!, [bob!, carol!])
        yield* ask("PUT", `/conversations/${id}/members/${carol!.id}`, {
          json: { user_id: alice!.id, role: "admin" }
        })
        const leave = (user: number) => ask("DELETE", `/conversations/${id}/members/${user}?user_id=${user}`)
        const roleOf = (user: number) =>
          Effect.map(ask("GET", `/conversations/${id}?user_id=${user}`), ({ json }) => json.role)
        assert.strictEqual((yield* leave(alice!.id)).status, 204)
        assert.strictEqual(yield* roleOf(carol!.id), "owner")
        assert.strictEqual((yield* leave(carol!.id)).status, 204)
        assert.strictEqual(yield* roleOf(bob!.id), "owner")
        assert.strictEqual((yield* leave(bob!.id)).status, 204)
        assert.strictEqual((yield* leave(bob!.id)).status, 204)
        assert.strictEqual((yield* ask("GET", `/conversations/${id}?user_id=${bob!.id}`)).status, 403)
        assert.deepEqual(typesOf(yield* eventsOf(bob!)), [
          "conversation_added",
          "member_updated",
          "member_removed",
          "member_updated",
          "member_removed",
          "member_updated",
          "conversation_removed"
        ])
      })
    )

    it.effect("handing the group over makes the owner an admin", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob] = yield* newUsers(2)
        const { id } = yield* newGroup(alice!, [bob!])
        yield* ask("PUT", `/conversations/${id}/members/${bob!.id}`, {
          json: { user_id: alice!.id, role: "owner" }
        })
        const { json } = yield* ask("GET", `/conversations/${id}/members?user_id=${bob!.id}`)
        assert.deepEqual(
          json.members.map(({ role }: { readonly role: string }) => role),
          ["admin", "owner"]
        )
      })
    )
  })

  describe("changing a group", () => {
    it.effect("changes what is given, with an event for all members, and none when nothing changes", () =>
      Effect.gen(function* () {
        const { ask, stored } = yield* ChatServer
        const [alice, bob] = yield* newUsers(2)
        const { id } = yield* newGroup(alice!, [bob!], { metadata: { a: 1 } })
        const patch = (json: object) =>
          ask("PATCH", `/conversations/${id}`, { json: { user_id: alice!.id, ...json } })
        const titled = yield* patch({ title: "new" })
        assert.deepInclude(titled.json, { title: "new", metadata: { a: 1 }, role: "owner" })
        const [, told] = yield* eventsOf(bob!)
        assert.strictEqual(told!.type, "conversation_updated")
        assert.deepNestedInclude(told, { "conversation.title": "new" })
        const before = yield* stored
        for (const nothing of [{}, { title: "new" }, { title: " new " }, { metadata: { a: 1 } }]) {
          assert.deepEqual((yield* patch(nothing)).json, titled.json)
        }
        assert.strictEqual(yield* stored, before)
        assert.notProperty((yield* patch({ metadata: null })).json, "metadata")
      })
    )
  })

  describe("reading", () => {
    it.effect(
      "marks up to a message, with an event for one's own devices and the other of a direct conversation, and never goes back",
      () =>
        Effect.gen(function* () {
          const { ask, stored } = yield* ChatServer
          const { alice, bob } = yield* newPair
          const [first, second, third] = yield* Effect.forEach(["1", "2", "3"], (content) =>
            send(alice, bob, content)
          )
          const id = first!.conversation_id
          const mark = (message_id: number) =>
            ask("POST", `/conversations/${id}/read`, { json: { user_id: bob.id, message_id } })
          assert.deepEqual((yield* mark(second!.id)).json, { last_read_id: second!.id, unread: 1 })
          const event = { type: "read", conversation_id: id, user_id: bob.id, message_id: second!.id }
          assert.deepInclude((yield* eventsOf(bob)).at(-1), event)
          assert.deepInclude((yield* eventsOf(alice)).at(-1), event)
          const before = yield* stored
          assert.deepEqual((yield* mark(first!.id)).json, { last_read_id: second!.id, unread: 1 })
          assert.deepEqual((yield* mark(second!.id)).json, { last_read_id: second!.id, unread: 1 })
          assert.strictEqual(yield* stored, before)
          assert.deepEqual((yield* mark(third!.id)).json, { last_read_id: third!.id, unread: 0 })
          const seen = yield* ask("GET", `/conversations/${id}?user_id=${alice.id}`)
          assert.strictEqual(seen.json.with.last_read_id, third!.id)
        })
    )

    it.effect("in a group, is an event of the reader's own inbox only", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob] = yield* newUsers(2)
        const { id } = yield* newGroup(alice!, [bob!])
        const sent = yield* sendTo(alice!, id, "hi")
        yield* ask("POST", `/conversations/${id}/read`, { json: { user_id: bob!.id, message_id: sent.id } })
        assert.strictEqual((yield* eventsOf(bob!)).at(-1)!.type, "read")
        assert.strictEqual((yield* eventsOf(alice!)).at(-1)!.type, "message_sent")
        const { json } = yield* ask("GET", `/conversations/${id}/members?user_id=${alice!.id}`)
        assert.strictEqual(json.members[1].last_read_id, sent.id)
      })
    )

    it.effect("unread stops at 100", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair
        yield* Effect.forEach(Array.from({ length: 120 }), (_, i) => send(alice, bob, String(i)), {
          concurrency: 16
        })
        const { json } = yield* ask("GET", `/conversations/?user_id=${bob.id}`)
        assert.strictEqual(json.conversations[0].unread, 100)
      })
    )
  })

  it.effect("1000 ids fit into a body, and a group has at most MAX_GROUP_MEMBERS members", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const alice = yield* newUser
      // Ids of the most digits that a user id has.
      const member_ids = Array.from({ length: 1000 }, (_, i) => 2_147_482_000 + i)
      const { status, json } = yield* ask("POST", "/conversations/", {
        json: {
          user_id: alice.id,
          kind: "group",
          title: "🐇".repeat(200),
          member_ids,
          metadata: { text: "x".repeat(2000) }
        }
      })
      assert.include([404, 409], status)
      assert.include(["urn:minichat:problem:members-not-found", "urn:minichat:problem:group-full"], json.type)
    })
  )
})
