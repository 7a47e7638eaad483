import { Effect, FileSystem, Path } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { Paths } from "../api/Paths.ts"
import { limitPublicPath } from "./PublicPath.ts"
import { type Content, staticContent } from "./StaticContent.ts"

/**
 * What the page may do: load its own script and styles, and pictures of users from where they are, call this server, and never
 * interpret text as markup or code.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' https: data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'"
].join("; ")

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mini Chat</title>
<h1>The chat page is not built</h1>
<p>Run <code>npm run build</code> in the folder of the server, and start the server again.</p>
<p>The API works without the page: see <a href="./docs">its documentation</a>.</p>
</html>
`

/** A file that `npm run build` makes; `undefined` when it is not there. */
const built = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return yield* fs
    .readFile(path.join(import.meta.dirname, "../../dist/web", name))
    .pipe(Effect.orElseSucceed(() => undefined))
})

const SCRIPT = "text/javascript; charset=utf-8"

const content = (name: string, contentType: string) =>
  Effect.map(built(name), (body): Content => ({ body: body ?? "", contentType }))

/** The client in one file, for pages without a build step of their own. */
const client = Effect.map(
  built("../client.js"),
  (body): Content => ({
    body:
      body ??
      'throw new Error("The client is not built: run `npm run build` in the folder of the server, and start it again")',
    contentType: SCRIPT
  })
)

/** The page at `/`, or how to build it. */
export const document = staticContent(
  Effect.map(
    built("index.html"),
    (html): Content => ({
      body: html ?? NOT_BUILT,
      contentType: "text/html; charset=utf-8",
      headers: {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "referrer-policy": "no-referrer",
        vary: "accept, accept-encoding"
      }
    })
  )
)

/** Whether a request asks for the page: browsers name `text/html`; programs name JSON, or take anything. */
export const isWanted = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  /(^|[\s,])text\/html\s*(,|;(?!\s*q=0(\.0*)?\s*(,|$))|$)/i.test(headers.accept ?? "")

/** The client, and the script and the styles of the page. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { page } = yield* AppConfig
    const limited = yield* limitPublicPath
    const serveClient = yield* staticContent(client)
    yield* router.add("GET", Paths.clientScript, (request) => limited(serveClient(request)))
    if (page === "off") return
    for (const [path, type] of [
      [Paths.pageScript, SCRIPT],
      [Paths.pageStyles, "text/css; charset=utf-8"]
    ] as const) {
      const serve = yield* staticContent(content(path.slice(1), type))
      yield* router.add("GET", path, (request) => limited(serve(request)))
    }
  })
)
