import { appendFileSync } from "node:fs"
import { registerHooks } from "node:module"

/** Loaded before a server: writes each module of PGlite that the process loads to the file `PGLITE_MODULES`. */
const file = process.env.PGLITE_MODULES

if (file !== undefined) {
  registerHooks({
    load: (url, context, nextLoad) => {
      if (url.includes("@electric-sql/pglite")) appendFileSync(file, `${url}\n`)
      return nextLoad(url, context)
    }
  })
}
