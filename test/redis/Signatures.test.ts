import { createHash } from "node:crypto"
import { assert, it } from "@effect/vitest"
import { UserId } from "../../src/domain/User.ts"
import { digestOf, macOf, makeVerify, sign } from "../../src/redis/Signatures.ts"

const KEY = Buffer.alloc(32, 7)
const userId = UserId.make(3)
const head = "5 message - 0 0e45f8afddac"

const frameOf = (seq: number, body: Uint8Array) => Buffer.concat([Buffer.from(`{"seq":${seq}`), body])

it("the signature of a frame is bound to its key, its user, its head, its start and its body", () => {
  const body = Buffer.from(`,"content":"${"é".repeat(100)}"}`)
  const frame = frameOf(5, body)
  const signed = { userId, head, frame }
  const signature = sign(KEY, { ...signed, bodyLength: body.length }, digestOf(body))
  const verify = makeVerify()
  const altered = Buffer.from(frame)
  altered[frame.length - 2]! ^= 1

  assert.isTrue(verify(KEY, signature, signed))
  assert.isTrue(verify(KEY, signature, { ...signed, frame: Buffer.from(frame) }))
  assert.isFalse(verify(Buffer.alloc(32, 8), signature, signed))
  assert.isFalse(verify(KEY, signature, { ...signed, userId: UserId.make(4) }))
  assert.isFalse(verify(KEY, signature, { ...signed, head: head.replace("5", "6") }))
  assert.isFalse(verify(KEY, signature, { ...signed, frame: frameOf(6, body) }))
  assert.isFalse(verify(KEY, signature, { ...signed, frame: altered }))
  for (const text of [
    "",
    "x",
    signature.slice(1),
    signature.replace(":", ""),
    signature.replace(/:\d+/, ":1")
  ]) {
    assert.isFalse(verify(KEY, text, signed), text)
  }
})

it("the digest of a body that many frames share is made once", () => {
  const body = Buffer.from("shared")
  assert.strictEqual(digestOf(body), digestOf(body))
})

it("the code is the start of a SHA-512/256 of the key and the parts", () => {
  const expected = createHash("sha512-256").update(KEY).update("one").update("two").digest("base64url")
  assert.strictEqual(macOf(KEY, Buffer.from("one"), Buffer.from("two")), expected.slice(0, 22))
})
