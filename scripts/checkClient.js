// Fails when the client is larger than it may be, as a page gets it: bundled, minified, compressed with brotli.
import { brotliCompressSync, constants } from "node:zlib"
import { bundle } from "./buildClient.js"

/** In KiB. `own` is the code of src/client without what it imports. */
const LIMITS = { whole: 54.2, own: 15.7 }

const kib = (/** @type {string} */ code) =>
  brotliCompressSync(code, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length / 1024

const ENTRY = "src/client/MiniChat.ts"
const sizes = {
  whole: kib(await bundle(ENTRY)),
  own: kib(await bundle(ENTRY, /^effect(\/|$)|[\\/](api|domain)[\\/]/))
}

for (const [part, limit] of Object.entries(LIMITS)) {
  const size = sizes[part]
  console.log(`${part}: ${size.toFixed(1)} of ${limit} KiB`)
  if (size > limit) {
    console.error(
      `The client (${part}) may have ${limit} KiB. Look at what was imported: Effect's modules have sizes of their own`
    )
    process.exitCode = 1
  }
}
