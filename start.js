// Starts the server. JavaScript, so that a Node.js that cannot run TypeScript gets as far as saying so.
import { existsSync } from "node:fs"

const [major, minor] = process.versions.node.split(".").map(Number)

// As package.json's "engines" says.
if (major > 24 || (major === 24 && minor >= 9) || (major === 22 && minor >= 21)) {
  // Node's own --env-file-if-exists says at each start that there is no file.
  if (existsSync(".env")) process.loadEnvFile()
  import("./src/main.ts")
} else {
  console.error(
    `Mini Chat cannot start. It needs Node.js 22.21 or newer, or 24.9 or newer, and this is ${process.versions.node}. "npm ci && npm start" brings a Node.js of its own`
  )
  process.exitCode = 1
}
