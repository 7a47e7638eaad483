import { type IncomingMessage, ServerResponse } from "node:http"

/**
 * A response that does not compare what is written with its `content-length`. Both come from one text here, and
 * Node ends a response that it compares with an empty chunk of its own: a second buffer in every write, which
 * costs a third of what `node:http` takes for a small answer.
 */
export class PlainResponse<
  Request extends IncomingMessage = IncomingMessage
> extends ServerResponse<Request> {}

// Node assigns it to each response, so a property of the class would not do.
Object.defineProperty(PlainResponse.prototype, "strictContentLength", { get: () => false, set: () => {} })
