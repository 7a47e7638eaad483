/** Loaded into a server by `node --expose-gc --import`: SIGUSR2 collects garbage, so that what is measured is what is held. */
process.on("SIGUSR2", () => globalThis.gc?.())
