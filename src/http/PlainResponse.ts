import { type IncomingMessage, ServerResponse } from "node:http"

/**
 * A response whose `content-length` Node does not compare with what is written: both come from one body here. Node ends
 * a response that it compares with an empty chunk, a second buffer in every write. That buffer costs a third of what
 * `node:http` takes for a small answer.
 */
export class PlainResponse<
  Request extends IncomingMessage = IncomingMessage
> extends ServerResponse<Request> {}

// Node assigns the property on each response: a field of the class would be overwritten.
Object.defineProperty(PlainResponse.prototype, "strictContentLength", { get: () => false, set: () => {} })
