import { assert, it } from "@effect/vitest"
import { Option } from "effect"
import { BlockFrame } from "../../src/api/EventFrames.ts"
import { UserId } from "../../src/domain/User.ts"
import { eventKind } from "../../src/inbox/EventKinds.ts"
import { appendPayload } from "../../src/repo/MemoryEvents.ts"
import type { Tables } from "../../src/repo/MemoryTables.ts"

const blocked_id = UserId.make(2)

it("fields that are not those of the kind's frame fail to compile", () => {
  const since = "minichat.v2"
  const kind = eventKind(BlockFrame, { since, fields: () => Option.some({ blocked_id, blocked: true }) })
  assert.strictEqual(kind.frameType, "block")
  // @ts-expect-error: `blocked` is missing
  assert.isObject(eventKind(BlockFrame, { since, fields: () => Option.some({ blocked_id }) }))
  // @ts-expect-error: `blocked` is no number
  assert.isObject(eventKind(BlockFrame, { since, fields: () => Option.some({ blocked_id, blocked: 1 }) }))
})

it("a payload that is not that of its kind fails to compile", () => {
  const tables = { inboxes: new Map() } as Tables
  assert.deepEqual(appendPayload(tables, [], "block", { blocked_id, blocked: true }, "2026-01-31"), [])
  // @ts-expect-error: `blocked` is missing
  assert.deepEqual(appendPayload(tables, [], "block", { blocked_id }, "2026-01-31"), [])
  // @ts-expect-error: no kind has this name
  assert.deepEqual(appendPayload(tables, [], "blocked", { blocked_id, blocked: true }, "2026-01-31"), [])
})
