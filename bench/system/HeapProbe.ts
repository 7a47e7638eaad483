import { setTimeout as sleep } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

// Loaded ahead of a server. Sends the process that started it, when that asks, how many bytes of heap are in use after a collection.

/** What a collection frees may wait for a finalizer, and free more in the next one. */
const COLLECTIONS = 4

const PAUSE_MS = 50

process.on("message", async () => {
  setFlagsFromString("--expose-gc")
  const collect: () => void = runInNewContext("gc")
  for (let i = 0; i < COLLECTIONS; i++) {
    collect()
    await sleep(PAUSE_MS)
  }
  process.send?.(process.memoryUsage().heapUsed)
})
// The server ends when nothing but this is left.
process.channel?.unref()
