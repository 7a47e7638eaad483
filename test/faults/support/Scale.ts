/** `FAULTS=short` is for continuous integration: fewer clients, shorter outages, and a selection of the faults. */
const short = process.env.FAULTS === "short"

export const scale = {
  short,
  clients: short ? 12 : 50,
  sendsPerSecond: short ? 40 : 100,
  redisOutage: short ? "3 seconds" : "10 seconds",
  slowReaderMegabytes: short ? 15 : 100
} as const
