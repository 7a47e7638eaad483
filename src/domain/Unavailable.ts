import { Schema } from "effect"

/**
 * A dependency did not answer in time, or could not do what it was asked. The server confirmed nothing; the call may have been
 * carried out all the same. Only a send with a `client_id` and a read are safe to repeat: a repeated send is answered with the
 * first message.
 */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  dependency: Schema.Literals(["database", "token key endpoint"]),
  cause: Schema.Defect()
}) {
  override get message() {
    return `The ${this.dependency} is not available at the moment`
  }
}
