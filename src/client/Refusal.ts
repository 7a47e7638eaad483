import type { Failure } from "./Command.ts"

/** Why a command was not carried out, or why the client was closed for good. */
export class Refusal extends Error {
  override readonly name = "Refusal"
  readonly _tag = "Refusal"
  readonly code: string
  constructor({ code, message }: Failure) {
    super(message)
    this.code = code
  }
}
