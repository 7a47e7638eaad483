import { readFileSync } from "node:fs"

/**
 * Loaded into a server by `node --import`: its wall clock is off by the milliseconds in the file CLOCK_OFFSET_FILE, which is read anew
 * on SIGUSR2. Timers and `performance.now` go on as they do when a machine's clock is set.
 */
const RealDate = Date
let offset = 0

const now = () => RealDate.now() + offset

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key, receiver) => (key === "now" ? now : Reflect.get(target, key, receiver))
})

process.on("SIGUSR2", () => {
  offset = Number(readFileSync(process.env.CLOCK_OFFSET_FILE!, "utf8"))
})
