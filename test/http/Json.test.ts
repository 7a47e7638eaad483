import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import { Probe } from "../../src/api/System.ts"
import { EventPage } from "../../src/api/Users.ts"
import { User, UserId } from "../../src/domain/User.ts"
import { json, jsonWithRaw, RawJson } from "../../src/http/Json.ts"

const alice: User = {
  id: UserId.make(1),
  username: "alice",
  display_name: "Alice Liddell",
  created_at: "2026-01-31T12:00:00.000Z"
}

const answered = async (response: HttpServerResponse.HttpServerResponse) => {
  const web = HttpServerResponse.toWeb(response)
  return { status: web.status, type: web.headers.get("content-type"), text: await web.text() }
}

describe("a body of the wrong shape fails to compile", () => {
  it("when it goes out without being encoded", async () => {
    const user = json(User)
    // @ts-expect-error: a field is missing
    user({ id: 1, username: "alice", created_at: alice.created_at })
    // @ts-expect-error: the id is no number
    user({ ...alice, id: "1" })
    // @ts-expect-error: one user is no list of users
    json(Schema.Array(User))(alice)
    // @ts-expect-error: no such state
    json(Probe, { status: 503 })({ status: "FINE" })

    assert.deepEqual(await answered(user(alice)), {
      status: 200,
      type: "application/json",
      text: JSON.stringify(alice)
    })
    assert.strictEqual((await answered(json(Probe, { status: 503 })({ status: "DRAINING" }))).status, 503)
  })

  it("when parts of it are JSON already", () => {
    const page = jsonWithRaw(EventPage)
    // @ts-expect-error: `recovered` is missing
    page({ events: new RawJson("[]"), cursor: 1 })
    // @ts-expect-error: there is no such property
    page({ events: new RawJson("[]"), cursor: 1, epoch: "e", recovered: true, more: 1 })
    // @ts-expect-error: a text is no JSON until it is said to be
    page({ events: "[]", cursor: 1, epoch: "e", recovered: true })
  })
})

it("raw properties are sent as they are, in the order of the body", async () => {
  const page = jsonWithRaw(EventPage)
  const expected = {
    status: 200,
    type: "application/json",
    text: '{"events":[{"ä": 1}],"cursor":1,"epoch":"e","recovered":true}'
  }
  const raw = '[{"ä": 1}]'
  assert.deepEqual(
    await answered(page({ events: new RawJson(raw), cursor: 1, epoch: "e", recovered: true })),
    expected
  )
  assert.deepEqual(
    await answered(
      page({ events: new RawJson(new TextEncoder().encode(raw)), cursor: 1, epoch: "e", recovered: true })
    ),
    expected
  )
})
