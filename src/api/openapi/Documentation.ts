import { HttpApi, OpenApi } from "effect/http-api"
import { WebhookPayloads } from "../../domain/Webhook.ts"
import { Api } from "../Api.ts"
import { ClientFrame, ServerFrame } from "../Protocol.ts"
import { document } from "./Document.ts"
import { LiveEvents } from "./LiveEvents.ts"
import { withWebhooks } from "./Webhooks.ts"

/** The API that the docs describe: the REST contract, the socket and its frames, and the webhooks. No requests are routed by it. */
export class DocumentedApi extends Api.add(LiveEvents)
  .annotate(HttpApi.AdditionalSchemas, [ClientFrame, ServerFrame, ...Object.values(WebhookPayloads)])
  .annotate(OpenApi.Transform, (generated) => withWebhooks(document(generated))) {}
