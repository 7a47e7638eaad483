/** `FAULTS=short` is for continuous integration: fewer clients, shorter outages. */
const short = process.env.FAULTS === "short"

export const scale = {
  short,
  clients: short ? 12 : 50,
  sendsPerSecond: short ? 60 : 100,
  redisOutage: short ? "3 seconds" : "10 seconds",
  redisFlaps: short ? 3 : 8,
  stampede: short ? 200 : 2_000,
  slowReaderMegabytes: short ? 15 : 100,
  /** As the server's SLOW_READER_TIMEOUT takes it. */
  slowReaderTimeout: short ? "5 seconds" : "30 seconds"
} as const
