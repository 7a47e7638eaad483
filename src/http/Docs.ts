import { createHash } from "node:crypto"
import { Effect, FileSystem, Path } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { HttpApiSwagger, OpenApi } from "effect/http-api"
import { DocumentedApi } from "../api/openapi/Documentation.ts"
import { Paths } from "../api/Paths.ts"
import { limitPublicPath } from "./PublicPath.ts"
import { type Content, staticContent } from "./StaticContent.ts"

/**
 * A page with a content security policy: it loads from this server only, may have inline images, fonts and styles, and runs those
 * inline scripts only whose hashes are listed.
 */
const page = (html: string): Content => ({
  body: html,
  contentType: "text/html; charset=utf-8",
  headers: {
    "content-security-policy": [
      "default-src 'self'",
      ["script-src 'self'", ...scriptHashes(html)].join(" "),
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      "font-src 'self' data:",
      "worker-src 'self' blob:",
      "object-src 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'"
    ].join("; ")
  }
})

const scriptHashes = (html: string) =>
  Array.from(
    html.matchAll(/<script>(.*?)<\/script>/gs),
    ([, script]) => `'sha256-${createHash("sha256").update(script!).digest("base64")}'`
  )

/** An empty icon: browsers request `/favicon.ico` for a page that names no icon. */
const NO_ICON = `<link rel="icon" href="data:,">`

/**
 * A path relative to a page at `/docs` or `/redoc`, so that the page also works behind a proxy that adds a prefix. A page that was
 * requested with a slash at its end is one level deeper.
 */
const relative = (path: string, isSlashed: boolean) => `${isSlashed ? ".." : "."}${path}`

const openApi = Effect.sync(() => ({
  body: JSON.stringify(OpenApi.fromApi(DocumentedApi)),
  contentType: "application/json"
}))

/** The server in the OpenAPI document: the folder of the page that shows it. */
const SERVERS = `"servers":[{"url":"."}]`

/** Swagger UI, with its scripts, its styles and the OpenAPI document inlined. */
const swagger = (isSlashed: boolean) =>
  Effect.promise(async () => {
    const { handler, dispose } = HttpRouter.toWebHandler(
      HttpApiSwagger.layer(DocumentedApi, { path: Paths.docs }),
      {
        disableLogger: true
      }
    )
    const response = await handler(new Request(`http://localhost${Paths.docs}`))
    const html = await response.text()
    await dispose()
    const located = isSlashed ? html.replace(SERVERS, SERVERS.replace(".", "..")) : html
    return page(located.replace("</title>", `</title>${NO_ICON}`))
  })

/** ReDoc, rendered from `/openapi.json` by the script in `assets/`. */
const redoc = (isSlashed: boolean) =>
  Effect.succeed(
    page(`<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Mini Chat API</title>
  ${NO_ICON}
  <style>body { margin: 0 }</style>
</head>
<body>
  <redoc spec-url="${relative(Paths.openApi, isSlashed)}"></redoc>
  <script src="${relative(Paths.redocScript, isSlashed)}"></script>
</body>
</html>
`)
  )

const redocScript = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const body = yield* fs.readFile(path.join(import.meta.dirname, "../../assets/redoc.standalone.js"))
  return { body, contentType: "text/javascript; charset=utf-8" }
}).pipe(Effect.orDie)

/** OpenAPI at `/openapi.json`, Swagger UI at `/docs` and ReDoc at `/redoc`; all work without internet access. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const limited = yield* limitPublicPath
    const limitedContent = <R>(make: Effect.Effect<Content, never, R>) =>
      Effect.map(
        staticContent(make),
        (serve) => (request: HttpServerRequest.HttpServerRequest) => limited(serve(request))
      )
    yield* router.add("GET", Paths.openApi, yield* limitedContent(openApi))
    for (const [path, pageOf] of [
      [Paths.docs, swagger],
      [Paths.redoc, redoc]
    ] as const) {
      const [bare, slashed] = [yield* limitedContent(pageOf(false)), yield* limitedContent(pageOf(true))]
      yield* router.add("GET", path, (request) =>
        /\/(\?|$)/.test(request.url) ? slashed(request) : bare(request)
      )
    }
    yield* router.add("GET", Paths.redocScript, yield* limitedContent(redocScript))
  })
)
