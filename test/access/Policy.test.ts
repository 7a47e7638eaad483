import { assert, describe, it } from "@effect/vitest"
import { allows, deletionBy, type Operation, selfOf, writerOf } from "../../src/access/Policy.ts"
import type { Caller } from "../../src/domain/Caller.ts"
import { UserId } from "../../src/domain/User.ts"

const alice = UserId.make(1)
const bob = UserId.make(2)

const callers = {
  anyone: { _tag: "Anyone" },
  service: { _tag: "Service" },
  alice: { _tag: "Member", userId: alice },
  bob: { _tag: "Member", userId: bob }
} as const satisfies Record<string, Caller>

type CallerName = keyof typeof callers

const everyone: ReadonlyArray<CallerName> = ["anyone", "service", "alice", "bob"]
const onlyAlice: ReadonlyArray<CallerName> = ["anyone", "service", "alice"]

/** What each operation is for, done to alice, and who may do it. */
const rules: {
  readonly [Tag in Operation["_tag"]]: readonly [Extract<Operation, { _tag: Tag }>, typeof everyone]
} = {
  CreateUser: [{ _tag: "CreateUser" }, ["anyone", "service"]],
  DisconnectUser: [{ _tag: "DisconnectUser" }, ["anyone", "service"]],
  EraseUser: [{ _tag: "EraseUser", of: alice }, onlyAlice],
  ExportUser: [{ _tag: "ExportUser", of: alice }, onlyAlice],
  SuspendUser: [{ _tag: "SuspendUser" }, ["anyone", "service"]],
  HandleReports: [{ _tag: "HandleReports" }, ["anyone", "service"]],
  RemoveMessage: [{ _tag: "RemoveMessage" }, ["anyone", "service"]],
  ChangeUser: [{ _tag: "ChangeUser", as: alice }, onlyAlice],
  ReadUsers: [{ _tag: "ReadUsers" }, everyone],
  ReadPresence: [{ _tag: "ReadPresence" }, everyone],
  Send: [{ _tag: "Send", as: alice }, onlyAlice],
  ChangeMessages: [{ _tag: "ChangeMessages", as: alice }, onlyAlice],
  React: [{ _tag: "React", as: alice }, onlyAlice],
  Type: [{ _tag: "Type", as: alice }, onlyAlice],
  MakeGroup: [{ _tag: "MakeGroup", as: alice }, onlyAlice],
  ChangeBlocks: [{ _tag: "ChangeBlocks", as: alice }, onlyAlice],
  Report: [{ _tag: "Report", as: alice }, onlyAlice],
  ChangeConversations: [{ _tag: "ChangeConversations", as: alice }, onlyAlice],
  ReadConversations: [{ _tag: "ReadConversations", of: alice }, onlyAlice],
  ReadHistory: [{ _tag: "ReadHistory", of: alice }, onlyAlice],
  ReadRecent: [{ _tag: "ReadRecent", of: alice }, onlyAlice],
  ReadEvents: [{ _tag: "ReadEvents", of: alice }, onlyAlice],
  ReadBlocks: [{ _tag: "ReadBlocks", of: alice }, onlyAlice],
  ReadSuspension: [{ _tag: "ReadSuspension", of: alice }, onlyAlice],
  OpenSocket: [{ _tag: "OpenSocket", of: alice }, onlyAlice]
}

/** What a user who is suspended may still do. */
const READING = [
  "EraseUser",
  "ExportUser",
  "ReadUsers",
  "ReadPresence",
  "ReadConversations",
  "ReadHistory",
  "ReadRecent",
  "ReadEvents",
  "ReadBlocks"
]

/** What only the application does, for no user. */
const BACKEND = ["CreateUser", "DisconnectUser", "SuspendUser", "HandleReports", "RemoveMessage"]

describe("the policy", () => {
  for (const [operation] of Object.values(rules)) {
    const writes = ![...READING, ...BACKEND, "ReadSuspension"].includes(operation._tag)
    it(`takes ${operation._tag} ${writes ? "for a write of alice" : "for no write of a user"}`, () => {
      assert.strictEqual(writerOf(callers.alice, operation), writes ? alice : undefined)
      const isProfile = operation._tag === "ChangeUser"
      assert.strictEqual(writerOf(callers.service, operation), writes && !isProfile ? alice : undefined)
    })
  }

  for (const [operation, mayDoIt] of Object.values(rules)) {
    for (const name of everyone) {
      const allowed = mayDoIt.includes(name)
      it(`${allowed ? "allows" : "refuses"} ${name} ${operation._tag} as or of alice`, () => {
        assert.strictEqual(allows(callers[name], operation), allowed)
      })
    }
  }

  it("knows the user of a user's token, and no other", () => {
    assert.deepEqual(
      everyone.map((name) => selfOf(callers[name])),
      [undefined, undefined, alice, bob]
    )
  })

  it("takes the deletion of a message for the user that the call names, else for the token's own or the backend", () => {
    const asAlice = { _tag: "ChangeMessages", as: alice } as const
    for (const name of everyone) assert.deepEqual(deletionBy(callers[name], alice), asAlice)
    assert.deepEqual(deletionBy(callers.alice, undefined), asAlice)
    assert.deepEqual(deletionBy(callers.service, undefined), { _tag: "RemoveMessage" })
    assert.isUndefined(deletionBy(callers.anyone, undefined))
  })
})
