/**
 * Loaded into a server by `node --expose-gc --import`: SIGUSR2 collects garbage. The last resort also gives the pages that V8 keeps for
 * later back to the system, so that the resident set afterwards is what is held, not what was once used.
 */
process.on("SIGUSR2", () => {
  void globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })
})
