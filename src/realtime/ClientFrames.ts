import { Result, Schema, SchemaIssue } from "effect"
import { ClientFrame, type ErrorCode } from "../api/Protocol.ts"
import type { UserId } from "../domain/User.ts"

/** A frame that is not valid. The server answers it with an `error`. */
export interface BadFrame {
  readonly type: "bad"
  readonly code: Extract<ErrorCode, "bad_frame" | "unknown_type" | "invalid">
  readonly message: string
  readonly clientId?: string
}

const decodeJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

const decodeFrame = Schema.decodeUnknownResult(ClientFrame, { errors: "all" })

const describe = SchemaIssue.makeFormatterStandardSchemaV1()

const invalid = (error: Schema.SchemaError): string =>
  describe(error.issue)
    .issues.map(({ path, message }) => `${(path ?? []).map(String).join(".")}: ${message}`)
    .join("; ")

/** The frames that sockets of version 1 may send. */
const VERSION_1 = ["ping", "send", "auth"] as const

const VERSION_2 = [...VERSION_1, "read", "typing", "watch"] as const

/** Decodes a frame of a user's client. Never fails: a frame with a fault is a `BadFrame`, whose message names the fault. */
export const decodeClientFrame = (
  data: string | Uint8Array,
  userId: UserId,
  isVersion2: boolean
): ClientFrame | BadFrame => {
  if (typeof data !== "string") {
    return { type: "bad", code: "bad_frame", message: "Frames are text frames; this one is binary" }
  }
  const json = decodeJson(data)
  const value = Result.isSuccess(json) ? json.success : undefined
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { type: "bad", code: "bad_frame", message: "A frame is one JSON object" }
  }
  const { type, client_id } = value as { readonly type?: unknown; readonly client_id?: unknown }
  const clientId = typeof client_id === "string" ? { clientId: client_id } : {}
  const types: ReadonlyArray<unknown> = isVersion2 ? VERSION_2 : VERSION_1
  if (!types.includes(type)) {
    return {
      type: "bad",
      code: "unknown_type",
      message: `The type of a frame is one of: ${types.join(", ")}`,
      ...clientId
    }
  }
  const frame = decodeFrame(value)
  if (Result.isFailure(frame)) {
    return { type: "bad", code: "invalid", message: invalid(frame.failure), ...clientId }
  }
  return frame.success.type === "send" && frame.success.receiver_id === userId
    ? { type: "bad", code: "invalid", message: "receiver_id: must not be the sender", ...clientId }
    : frame.success
}
