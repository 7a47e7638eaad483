// A backend that mints tokens: it knows who is logged in, and Mini Chat (AUTH=required, the same JWT_SECRET) believes it.
//   JWT_SECRET=... node tokens.ts
import { createServer } from "node:http"
import { SignJWT } from "jose"

const secret = new TextEncoder().encode(process.env.JWT_SECRET ?? "")
if (secret.length < 32) throw new Error("JWT_SECRET needs at least 32 bytes, the same ones as Mini Chat's")

/** Who is logged in. Put your own session in place of this header, which anyone can set. */
const userOf = (headers: NodeJS.Dict<string | string[]>) => Number(headers["x-user-id"])

const server = createServer(async (request, response) => {
  const user = userOf(request.headers)
  if (request.url !== "/chat-token" || !Number.isInteger(user) || user < 1) {
    response.writeHead(404).end()
    return
  }
  const token = await new SignJWT({ sub: String(user) })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuedAt()
    .setExpirationTime("5 minutes")
    .sign(secret)
  response.writeHead(200, { "content-type": "text/plain", "cache-control": "no-store" }).end(token)
})
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const address = server.address()
  console.log(`listens on http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`)
})
// In the page: connect({ url, userId, token: async () => (await fetch("/chat-token")).text() })
