import cluster from "node:cluster"
import { Bus } from "./Bus.ts"
import { Chat } from "./Chat.ts"
import { makeRest } from "./Rest.ts"
import { Sockets } from "./Sockets.ts"
import { Store } from "./Store.ts"

const { DATABASE_URL, REDIS_URL, HOST, PORT, WORKERS } = process.env
if (!DATABASE_URL || !REDIS_URL || !PORT) throw new Error("DATABASE_URL, REDIS_URL and PORT must be set")

const workers = Number(WORKERS ?? 1)

const serve = (): void => {
  const store = new Store(DATABASE_URL)
  const sockets = new Sockets()
  const bus = new Bus(REDIS_URL, (userId, frame) => sockets.deliver(userId, frame))
  const chat = new Chat(store, bus)
  const rest = makeRest(store, bus, chat)
  sockets.attach(rest, store, bus, chat)
  rest.listen(Number(PORT), HOST ?? "127.0.0.1", 4096)
}

if (cluster.isPrimary) {
  const store = new Store(DATABASE_URL)
  await store.migrate()
  await store.close()
}
if (cluster.isPrimary && workers > 1) {
  for (let worker = 0; worker < workers; worker++) cluster.fork()
} else {
  serve()
}
process.on("SIGTERM", () => process.exit(0))
