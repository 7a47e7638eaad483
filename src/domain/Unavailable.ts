import { Schema } from "effect"

/**
 * A dependency did not answer in time, or failed, or an upgrade is under way. The server acknowledged nothing, but the call may have
 * been carried out. Repeat a send only with its `client_id`: it is then answered with the first message. Without one, it could be
 * sent twice.
 */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  dependency: Schema.Literals(["database", "token key endpoint", "upgrade"]),
  cause: Schema.Defect()
}) {
  override get message() {
    if (this.dependency === "upgrade") return "An upgrade is under way, and this works once it is finished"
    return `The ${this.dependency} is not available at the moment`
  }
}
