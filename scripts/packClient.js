// Packs the client as the package `mini-chat`, whose one entry is `mini-chat/client`: compiled, with types, and with a manifest of
// its own, so that nothing of the server is installed with it. Prints the path of the tarball.
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const ROOT = join(import.meta.dirname, "..")
const folder = join(ROOT, "dist/package")
const { version, license, dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"))

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
execFileSync(
  join(ROOT, "node_modules/.bin/tsc"),
  ["-p", "tsconfig.client.json", "--outDir", join(folder, "dist")],
  {
    cwd: ROOT,
    stdio: "inherit"
  }
)
cpSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"))
// The package has no other page: of a link to one, the text stays.
const page = readFileSync(join(ROOT, "docs/CLIENT.md"), "utf8")
writeFileSync(join(folder, "README.md"), page.replace(/\[([^\]]+)\]\((?!https?:|#)[^)]+\)/g, "$1"))
writeFileSync(
  join(folder, "package.json"),
  `${JSON.stringify(
    {
      name: "mini-chat",
      version,
      description: "The client of Mini Chat: nothing is lost, repeated or reordered",
      license,
      type: "module",
      sideEffects: false,
      engines: { node: ">=22.21.0" },
      exports: {
        "./client": { types: "./dist/client/MiniChat.d.ts", default: "./dist/client/MiniChat.js" },
        "./package.json": "./package.json"
      },
      files: ["dist"],
      peerDependencies: { effect: dependencies.effect }
    },
    undefined,
    2
  )}\n`
)
const packed = execFileSync("npm", ["pack", folder, "--pack-destination", join(ROOT, "dist"), "--silent"], {
  cwd: ROOT,
  encoding: "utf8"
})
console.log(join(ROOT, "dist", packed.trim().split("\n").at(-1)))
