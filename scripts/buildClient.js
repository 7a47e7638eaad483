// Builds dist/client.js, the client in one file as the server hands it to pages. npm runs this after an install. JavaScript, so
// that every Node.js that can install can run it.
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const ROOT = join(import.meta.dirname, "..")

/** Bundles an entry and everything that it imports, for browsers. The text of one ES module. */
export const bundle = async (/** @type {string} */ entry, /** @type {RegExp | undefined} */ external) => {
  const { rolldown } = await import("rolldown")
  const build = await rolldown({
    input: join(ROOT, entry),
    platform: "browser",
    ...(external === undefined ? {} : { external }),
    treeshake: { moduleSideEffects: false },
    logLevel: "warn"
  })
  const { output } = await build.generate({ format: "esm", minify: true, codeSplitting: false })
  await build.close()
  return output[0].code
}

if (process.argv[1] === import.meta.filename) {
  const path = join(ROOT, "dist/client.js")
  try {
    const code = await bundle("src/client/MiniChat.ts")
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, code)
  } catch (error) {
    // An install without development dependencies has no bundler: an image brings the file that it was built with.
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error
    console.warn(
      "dist/client.js is not built: rolldown is not installed. Run `npm ci` with development dependencies"
    )
  }
}
