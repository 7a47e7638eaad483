import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Bus } from "./Bus.ts"
import type { Chat } from "./Chat.ts"
import type { Store } from "./Store.ts"

class Refusal extends Error {
  readonly status: number

  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}

const readJson = async (request: IncomingMessage): Promise<Record<string, unknown>> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

const text = (value: unknown): string => {
  if (typeof value !== "string") throw new Refusal(422, "Expected a string")
  return value
}

const integer = (value: unknown): number => {
  if (!Number.isInteger(value)) throw new Refusal(422, "Expected an integer")
  return value as number
}

const parameter = (query: URLSearchParams, name: string, fallback?: number): number => {
  const value = query.get(name)
  return value === null && fallback !== undefined ? fallback : integer(Number(value ?? Number.NaN))
}

// SQLSTATE 23505 is a unique violation, 23503 a foreign key violation.
const refusalOf = (error: unknown): Refusal => {
  if (error instanceof Refusal) return error
  if (error instanceof SyntaxError) return new Refusal(422, "Malformed JSON")
  const { code, constraint } = error as { readonly code?: string; readonly constraint?: string }
  if (code === "23505") return new Refusal(400, "Username already registered")
  if (code === "23503") {
    return new Refusal(404, constraint?.includes("sender") ? "Sender not found" : "Receiver not found")
  }
  console.error(error)
  return new Refusal(500, "Internal error")
}

const answer = (response: ServerResponse, status: number, body: string): void => {
  response.writeHead(status, {
    "content-type": status < 400 ? "application/json" : "application/problem+json",
    "content-length": Buffer.byteLength(body)
  })
  response.end(body)
}

export const makeRest = (store: Store, bus: Bus, chat: Chat): Server => {
  const health = async (): Promise<unknown> => {
    await Promise.all([store.ping(), bus.ping()])
    return { status: "OK", database: "OK", redis: "OK", timestamp: new Date() }
  }

  const recent = async (userId: number): Promise<string> =>
    `{"messages":[${(await bus.recent(userId)).join(",")}]}`

  const user = async (id: number): Promise<unknown> => {
    const found = await store.findUser(id)
    if (found === undefined) throw new Refusal(404, "User not found")
    return found
  }

  const route = async (request: IncomingMessage): Promise<string> => {
    const [path, search] = request.url!.split("?", 2) as [string, string | undefined]
    const [, resource, first, second] = path.split("/")
    const query = new URLSearchParams(search)
    const post = request.method === "POST"
    if (resource === "messages" && first === "recent") return recent(integer(Number(second)))
    if (resource === "messages" && post) {
      const body = await readJson(request)
      const sender = integer(body.sender_id)
      const sent =
        body.conversation_id === undefined
          ? await chat.send(sender, integer(body.receiver_id), text(body.content))
          : await chat.sendToGroup(sender, integer(body.conversation_id), text(body.content))
      return JSON.stringify(sent)
    }
    if (resource === "messages") {
      const chatWith = query.has("chat_with") ? parameter(query, "chat_with") : undefined
      const skip = parameter(query, "skip", 0)
      const limit = parameter(query, "limit", 50)
      return JSON.stringify(await store.history(parameter(query, "user_id"), chatWith, skip, limit))
    }
    if (resource === "conversations" && post) {
      const { user_id, title, member_ids } = await readJson(request)
      const others = Array.isArray(member_ids) ? member_ids.map(integer) : []
      return JSON.stringify(await store.createGroup(text(title), [integer(user_id), ...others]))
    }
    if (resource === "users" && post) {
      const { username, display_name } = await readJson(request)
      return JSON.stringify(await store.createUser(text(username), text(display_name ?? username)))
    }
    if (resource === "users" && first) return JSON.stringify(await user(integer(Number(first))))
    if (resource === "users") {
      return JSON.stringify(
        await store.listUsers(parameter(query, "skip", 0), parameter(query, "limit", 100))
      )
    }
    if (resource === "health") return JSON.stringify(await health())
    throw new Refusal(404, "Not found")
  }

  return createServer((request, response) => {
    route(request).then(
      (body) => answer(response, 200, body),
      (error: unknown) => {
        const { status, message } = refusalOf(error)
        answer(response, status, JSON.stringify({ title: message, status, detail: message }))
      }
    )
  })
}
