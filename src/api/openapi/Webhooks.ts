import { SchemaAST, Struct } from "effect"
import { WebhookPayloads, type WebhookType } from "../../domain/Webhook.ts"
import { webhookExamples } from "./WebhookExamples.ts"

const TAG = "Webhooks"

const description = `What the server posts to each \`WEBHOOK_URL\`, signed as [Standard Webhooks](https://www.standardwebhooks.com)
says: their libraries verify it in any language. Verify the body as it came, byte for byte.

An event is told at least once: the same one may come twice, with the same \`webhook-id\`. Events of one conversation come in their order,
and so do those of one user. The data is that of the moment of delivery: what was edited, deleted or erased while an event waited is sent
as it is now. Ignore types that you do not know.`

const header = (name: string, description: string, schema: object, example: string) => ({
  name,
  in: "header",
  required: true,
  description,
  schema,
  example
})

const parameters = [
  header(
    "webhook-id",
    "The same for every attempt and every URL: a receiver recognises repeats by it",
    { type: "string", pattern: "^msg_" },
    "msg_5f0c5b3e-7f7b-4f0a-9d43-0d1d5b0f6f0e"
  ),
  header(
    "webhook-timestamp",
    "The time of this attempt, in seconds since 1970",
    { type: "string", pattern: "^[0-9]+$" },
    "1769860800"
  ),
  header(
    "webhook-signature",
    "A signature for each secret of `WEBHOOK_SECRET`, with spaces between them",
    { type: "string" },
    "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="
  )
]

const responses = {
  "2XX": { description: "The receiver has stored the event, within 15 seconds" },
  410: {
    description: "The receiver never wants this event: it is given up at once, and kept as a dead letter"
  },
  default: {
    description:
      "The event is tried again, for three days, then kept as a dead letter. Redirects are not followed",
    headers: {
      "Retry-After": {
        description: "Seconds or a date, up to an hour: nothing is sent to this URL until then",
        schema: { type: "string" }
      }
    }
  }
}

const operationOf = (type: WebhookType) => {
  const { identifier, description } = SchemaAST.resolve(WebhookPayloads[type].ast)!
  return {
    tags: [TAG],
    operationId: `webhooks.${type}`,
    summary: description,
    parameters,
    security: [],
    requestBody: {
      required: true,
      content: {
        "application/json": {
          schema: { $ref: `#/components/schemas/${identifier}` },
          example: webhookExamples[type]
        }
      }
    },
    responses
  }
}

/** Adds the webhooks to an OpenAPI document that has the schemas of their payloads. */
export const withWebhooks = (spec: Record<string, unknown>): Record<string, unknown> => ({
  ...spec,
  tags: [...(spec.tags as ReadonlyArray<object>), { name: TAG, description }],
  webhooks: Object.fromEntries(
    Struct.keys(WebhookPayloads).map((type) => [type, { post: operationOf(type) }])
  )
})
