// The server that this process loads: the first two arguments.
const [host, port] = process.argv.slice(2)
if (host === undefined || port === undefined) throw new Error("Expected a host and a port")

export const address = { host, port: Number(port) }
