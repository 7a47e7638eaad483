import { type IncomingMessage, ServerResponse } from "node:http"

/**
 * A response whose `content-length` Node does not compare with the written bytes: both come from one body here. To compare them, Node
 * adds an empty chunk to every write. That second buffer costs a third of what `node:http` takes for a small answer
 * (bench/README.md, "What comments quote").
 */
export class PlainResponse<
  Request extends IncomingMessage = IncomingMessage
> extends ServerResponse<Request> {}

// Node assigns the property on each response: a field of the class would be overwritten.
Object.defineProperty(PlainResponse.prototype, "strictContentLength", { get: () => false, set: () => {} })
