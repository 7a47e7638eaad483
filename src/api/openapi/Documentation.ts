import { HttpApi, OpenApi } from "effect/http-api"
import { Api } from "../Api.ts"
import { ClientFrame, ServerFrame } from "../Protocol.ts"
import { document } from "./Document.ts"
import { LiveEvents } from "./LiveEvents.ts"

/** Everything that the docs describe: the REST contract, the socket and its frames. */
export class DocumentedApi extends Api.add(LiveEvents)
  .annotate(HttpApi.AdditionalSchemas, [ClientFrame, ServerFrame])
  .annotate(OpenApi.Transform, document) {}
