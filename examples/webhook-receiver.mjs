// Takes Mini Chat's webhooks: WEBHOOK_SECRET=whsec_… node examples/webhook-receiver.mjs
import { createServer } from "node:http"
import { Webhook } from "standardwebhooks"

const webhook = new Webhook(process.env.WEBHOOK_SECRET)
const seen = new Set() // In production a table: an event may come more than once, with the same id.

const server = createServer(async (request, response) => {
  const body = (await request.toArray()).join("")
  try {
    const { type, data } = webhook.verify(body, request.headers)
    const id = request.headers["webhook-id"]
    if (!seen.has(id) && type === "message.created")
      console.log("push to", data.offline_user_ids, data.message.id)
    seen.add(id)
    response.writeHead(204).end()
  } catch {
    response.writeHead(400).end()
  }
})
server.listen(process.env.PORT ?? 3000, () => console.log(`listens on ${server.address().port}`))
