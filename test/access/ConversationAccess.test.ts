import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { type Answer, type Ask, ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { eventsOf, newWorld, sendTo, type World } from "../http/Groups.ts"

type Actor = keyof World["actors"]

const ACTORS: ReadonlyArray<Actor> = ["owner", "admin", "member", "former", "stranger"]

/** What is asked: method, path and body. */
type Call = readonly [method: string, path: string, options?: Ask]

/** Each thing to do in a group, and its status for the owner, an admin, a member, one who left, and a stranger. */
const RULES: ReadonlyArray<
  readonly [
    what: string,
    call: (world: World, by: number, as: Actor) => Call,
    statuses: readonly [number, number, number, number, number]
  ]
> = [
  ["see the group", ({ id }, by) => ["GET", `/conversations/${id}?user_id=${by}`], [200, 200, 200, 403, 403]],
  [
    "see its members",
    ({ id }, by) => ["GET", `/conversations/${id}/members?user_id=${by}`],
    [200, 200, 200, 403, 403]
  ],
  [
    "read its history",
    ({ id }, by) => ["GET", `/messages/?user_id=${by}&conversation_id=${id}`],
    [200, 200, 200, 403, 403]
  ],
  [
    "search it",
    ({ id }, by) => ["GET", `/messages/search?user_id=${by}&q=peer&conversation_id=${id}`],
    [200, 200, 200, 403, 403]
  ],
  [
    "read one message",
    ({ ofPeer }, by) => ["GET", `/messages/${ofPeer}?user_id=${by}`],
    [200, 200, 200, 403, 403]
  ],
  [
    "report one message",
    ({ ofPeer }, by) => ["POST", `/messages/${ofPeer}/report`, { json: { user_id: by } }],
    [200, 200, 200, 403, 403]
  ],
  [
    "send",
    ({ id }, by) => ["POST", "/messages/", { json: { sender_id: by, conversation_id: id, content: "hi" } }],
    [200, 200, 200, 403, 403]
  ],
  [
    "reply",
    ({ id, ofPeer }, by) => [
      "POST",
      "/messages/",
      { json: { sender_id: by, conversation_id: id, content: "hi", reply_to_id: ofPeer } }
    ],
    [200, 200, 200, 403, 403]
  ],
  [
    "edit an own message",
    ({ sent, ofPeer }, by, as) => [
      "PATCH",
      `/messages/${sent[as] ?? ofPeer}`,
      { json: { user_id: by, content: "edited" } }
    ],
    [200, 200, 200, 403, 403]
  ],
  [
    "edit another's message",
    ({ ofPeer }, by) => ["PATCH", `/messages/${ofPeer}`, { json: { user_id: by, content: "edited" } }],
    [403, 403, 403, 403, 403]
  ],
  [
    "delete an own message",
    ({ sent, ofPeer }, by, as) => ["DELETE", `/messages/${sent[as] ?? ofPeer}?user_id=${by}`],
    [200, 200, 200, 200, 403]
  ],
  [
    "delete another's message",
    ({ ofPeer }, by) => ["DELETE", `/messages/${ofPeer}?user_id=${by}`],
    [200, 200, 403, 403, 403]
  ],
  [
    "react",
    ({ ofPeer }, by) => ["PUT", `/messages/${ofPeer}/reactions/%F0%9F%91%8D?user_id=${by}`],
    [200, 200, 200, 403, 403]
  ],
  [
    "take a reaction back",
    ({ ofPeer }, by) => ["DELETE", `/messages/${ofPeer}/reactions/%F0%9F%91%8D?user_id=${by}`],
    [200, 200, 200, 403, 403]
  ],
  [
    "mark it as read",
    ({ id, ofPeer }, by) => [
      "POST",
      `/conversations/${id}/read`,
      { json: { user_id: by, message_id: ofPeer } }
    ],
    [200, 200, 200, 403, 403]
  ],
  [
    "change its title",
    ({ id }, by) => ["PATCH", `/conversations/${id}`, { json: { user_id: by, title: "other" } }],
    [200, 200, 403, 403, 403]
  ],
  [
    "add a member",
    ({ id, other }, by) => ["PUT", `/conversations/${id}/members/${other.id}`, { json: { user_id: by } }],
    [200, 200, 403, 403, 403]
  ],
  [
    "add an admin",
    ({ id, other }, by) => [
      "PUT",
      `/conversations/${id}/members/${other.id}`,
      { json: { user_id: by, role: "admin" } }
    ],
    [200, 403, 403, 403, 403]
  ],
  [
    "add itself",
    ({ id }, by) => ["PUT", `/conversations/${id}/members/${by}`, { json: { user_id: by } }],
    [200, 200, 200, 403, 403]
  ],
  [
    "make a member an admin",
    ({ id, peer }, by) => [
      "PUT",
      `/conversations/${id}/members/${peer.id}`,
      { json: { user_id: by, role: "admin" } }
    ],
    [200, 403, 403, 403, 403]
  ],
  [
    "hand the group over",
    ({ id, peer }, by) => [
      "PUT",
      `/conversations/${id}/members/${peer.id}`,
      { json: { user_id: by, role: "owner" } }
    ],
    [200, 403, 403, 403, 403]
  ],
  [
    "make the owner a member",
    ({ id, actors }, by) => [
      "PUT",
      `/conversations/${id}/members/${actors.owner.id}`,
      { json: { user_id: by, role: "member" } }
    ],
    [403, 403, 403, 403, 403]
  ],
  [
    "remove a member",
    ({ id, peer }, by) => ["DELETE", `/conversations/${id}/members/${peer.id}?user_id=${by}`],
    [204, 204, 403, 403, 403]
  ],
  [
    "remove the owner",
    ({ id, actors }, by, as) => [
      "DELETE",
      `/conversations/${id}/members/${actors.owner.id}?user_id=${as === "owner" ? actors.stranger.id : by}`
    ],
    [403, 403, 403, 403, 403]
  ],
  [
    "leave it",
    ({ id }, by) => ["DELETE", `/conversations/${id}/members/${by}?user_id=${by}`],
    [204, 204, 204, 204, 204]
  ]
]

/** The types of problems that refuse a member's call. */
const REFUSALS = ["not-member", "not-author", "role-forbids"].map((name) => `urn:minichat:problem:${name}`)

const assertRefused = ({ json }: Answer, as: Actor) => {
  assert.include(REFUSALS, json.type)
  if (as === "former" || as === "stranger") assert.strictEqual(json.type, REFUSALS[0])
}

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe("in a group", () => {
    it.effect.each(
      RULES.flatMap(([what, call, statuses]) =>
        ACTORS.map((actor, i) => [actor, what, statuses[i]!, call] as const)
      )
    )("whether the %s may %s: %i", ([actor, , status, call]) =>
      Effect.gen(function* () {
        const { ask, stored } = yield* ChatServer
        const world = yield* newWorld
        const before = yield* stored
        const answer = yield* ask(...call(world, world.actors[actor].id, actor))
        assert.strictEqual(answer.status, status, answer.text)
        if (status !== 403) return
        assertRefused(answer, actor)
        assert.strictEqual(yield* stored, before)
      })
    )

    it.effect("an admin may not remove another admin, and the owner may", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { id, actors, peer } = yield* newWorld
        const put = { json: { user_id: actors.owner.id, role: "admin" } }
        yield* ask("PUT", `/conversations/${id}/members/${peer.id}`, put)
        const remove = (by: number) => ask("DELETE", `/conversations/${id}/members/${peer.id}?user_id=${by}`)
        assert.strictEqual((yield* remove(actors.admin.id)).status, 403)
        assert.strictEqual((yield* remove(actors.owner.id)).status, 204)
      })
    )

    it.effect("a search of all that one may read finds it for members only", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { actors, ofPeer } = yield* newWorld
        for (const name of ACTORS) {
          const { json } = yield* ask("GET", `/messages/search?user_id=${actors[name].id}&q=of+peer`)
          const ids = json.messages.map((each: { readonly id: number }) => each.id)
          assert.deepEqual(ids, name === "former" || name === "stranger" ? [] : [ofPeer], name)
        }
      })
    )

    it.effect("the list of conversations has it for members only", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { id, actors } = yield* newWorld
        for (const name of ACTORS) {
          const { json } = yield* ask("GET", `/conversations/?user_id=${actors[name].id}`)
          const ids = json.conversations.map((each: { readonly id: number }) => each.id)
          assert.deepEqual(ids, name === "former" || name === "stranger" ? [] : [id], name)
        }
      })
    )
  })

  describe("in a direct conversation", () => {
    const thumbsUp = "%F0%9F%91%8D"

    /** For one of the two, then for a stranger. */
    const DIRECT: ReadonlyArray<
      readonly [
        what: string,
        call: (conversation: number, message: number, by: number) => Call,
        one: number,
        stranger: number
      ]
    > = [
      ["see it", (id, _, by) => ["GET", `/conversations/${id}?user_id=${by}`], 200, 403],
      ["see its members", (id, _, by) => ["GET", `/conversations/${id}/members?user_id=${by}`], 200, 403],
      ["read it", (id, _, by) => ["GET", `/messages/?user_id=${by}&conversation_id=${id}`], 200, 403],
      [
        "search it",
        (id, _, by) => ["GET", `/messages/search?user_id=${by}&q=hello&conversation_id=${id}`],
        200,
        403
      ],
      ["read one message", (_, message, by) => ["GET", `/messages/${message}?user_id=${by}`], 200, 403],
      [
        "send",
        (conversation_id, _, sender_id) => [
          "POST",
          "/messages/",
          { json: { sender_id, conversation_id, content: "hi" } }
        ],
        200,
        403
      ],
      [
        "edit the other's message",
        (_, message, by) => ["PATCH", `/messages/${message}`, { json: { user_id: by, content: "x" } }],
        403,
        403
      ],
      [
        "delete the other's message",
        (_, message, by) => ["DELETE", `/messages/${message}?user_id=${by}`],
        403,
        403
      ],
      [
        "react",
        (_, message, by) => ["PUT", `/messages/${message}/reactions/${thumbsUp}?user_id=${by}`],
        200,
        403
      ],
      [
        "mark it as read",
        (id, message_id, user_id) => ["POST", `/conversations/${id}/read`, { json: { user_id, message_id } }],
        200,
        403
      ],
      [
        "give it a title",
        (id, _, user_id) => ["PATCH", `/conversations/${id}`, { json: { user_id, title: "x" } }],
        409,
        403
      ],
      [
        "add a member",
        (id, _, user_id) => ["PUT", `/conversations/${id}/members/1`, { json: { user_id } }],
        409,
        403
      ],
      ["leave it", (id, _, by) => ["DELETE", `/conversations/${id}/members/${by}?user_id=${by}`], 409, 403]
    ]

    it.effect.each(DIRECT)("who may %s", ([, call, one, stranger]) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const [alice, bob, carol] = yield* newUsers(3)
        const { id, conversation_id } = yield* send(alice!, bob!, "hello")
        const refused = yield* ask(...call(conversation_id!, id, carol!.id))
        assert.deepEqual([refused.status, refused.json.type], [stranger, REFUSALS[0]])
        assert.strictEqual((yield* ask(...call(conversation_id!, id, bob!.id))).status, one)
      })
    )
  })

  describe("what a member gets", () => {
    it.effect("ends with its leaving, and a replay withholds what changed since", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { id, actors, peer, sent, ofPeer } = yield* newWorld
        const head = (yield* eventsOf(actors.former)).length
        yield* sendTo(peer, id, "after")
        yield* ask("PATCH", `/messages/${ofPeer}`, { json: { user_id: peer.id, content: "edited since" } })
        yield* ask("DELETE", `/messages/${sent.member}?user_id=${actors.member.id}`)

        const events = yield* eventsOf(actors.former)
        assert.lengthOf(events, head)
        const contentOf = (messageId: number | undefined) =>
          events.filter((event) => event.id === messageId).map(({ content, withheld }) => [content, withheld])
        assert.deepEqual(contentOf(ofPeer), [["", true]])
        assert.deepEqual(contentOf(sent.member), [["", true]])
        assert.deepEqual(contentOf(sent.owner), [["of owner", undefined]])
        assert.lengthOf(yield* eventsOf(actors.stranger), 0)
      })
    )

    it.effect("begins with its joining where the history says so", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        for (const [history, seen] of [
          ["joined", ["after"]],
          ["all", ["after", "before"]]
        ] as const) {
          const [owner, late] = yield* newUsers(2)
          const { json: group } = yield* ask("POST", "/conversations/", {
            json: { user_id: owner!.id, kind: "group", title: "x", member_ids: [], history }
          })
          const before = yield* sendTo(owner!, group.id, "before")
          yield* ask("PUT", `/conversations/${group.id}/members/${late!.id}`, {
            json: { user_id: owner!.id }
          })
          yield* sendTo(owner!, group.id, "after")
          const { json: page } = yield* ask(
            "GET",
            `/messages/?user_id=${late!.id}&conversation_id=${group.id}`
          )
          assert.deepEqual(
            page.map(({ content }: { readonly content: string }) => content),
            seen
          )
          const one = yield* ask("GET", `/messages/${before.id}?user_id=${late!.id}`)
          assert.strictEqual(one.status, history === "all" ? 200 : 404)
          const events = yield* eventsOf(late!)
          assert.deepEqual(
            events.map(({ type }) => type),
            ["conversation_added", "message"]
          )
        }
      })
    )
  })
})
