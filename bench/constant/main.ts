import { createServer } from "node:net"

// The least a server can do: one constant answer for each chunk, and a GET fits in one chunk.
// What the load tool reaches here is the most that it can measure of any other server.
const body = JSON.stringify({ status: "OK" })
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
)

createServer({ noDelay: true }, (socket) => {
  socket.on("data", () => socket.write(answer))
  socket.on("error", () => socket.destroy())
}).listen(Number(process.env.PORT), process.env.HOST)

process.on("SIGTERM", () => process.exit(0))
