import { existsSync } from "node:fs"

// For `npm start` and its like: settings may stand in a file, too. What the environment says goes before it. (Node's own
// --env-file-if-exists says each time that there is none.)
if (existsSync(".env")) process.loadEnvFile()
