import { Schema } from "effect"

/**
 * A dependency did not answer in time, and nothing was acknowledged. The caller may repeat the call;
 * a send with a `client_id` is safe to repeat however this one ended.
 */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  dependency: Schema.Literals(["database", "token key endpoint"]),
  cause: Schema.Defect()
}) {
  override get message() {
    return `The ${this.dependency} is not available at the moment`
  }
}
