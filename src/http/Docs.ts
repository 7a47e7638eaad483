import { Effect, FileSystem, Layer, Path } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiSwagger } from "effect/http-api"
import { Api } from "../api/Api.ts"

/**
 * What pages may load: only what this server serves. The docs' own scripts and styles stand in the page, ReDoc
 * draws with a worker and both show images that are data.
 */
const PAGE_POLICY =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

const REDOC_PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Mini Chat API</title>
  <style>body { margin: 0 }</style>
</head>
<body>
  <redoc spec-url="/openapi.json" disable-search="false" hide-loading></redoc>
  <script src="/redoc/redoc.standalone.js"></script>
</body>
</html>
`

/** ReDoc, drawn from `/openapi.json` by the script in `assets/`. */
const redoc = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const script = yield* Effect.orDie(
      fs.readFile(path.join(import.meta.dirname, "../../assets/redoc.standalone.js"))
    )
    yield* router.add("GET", "/redoc", HttpServerResponse.html(REDOC_PAGE))
    yield* router.add(
      "GET",
      "/redoc/redoc.standalone.js",
      HttpServerResponse.uint8Array(script, {
        contentType: "text/javascript; charset=utf-8",
        headers: { "cache-control": "public, max-age=3600" }
      })
    )
  })
)

const pagePolicy = HttpRouter.use((router) =>
  router.addGlobalMiddleware((handler) =>
    Effect.map(handler, (response) =>
      response.headers["content-type"]?.startsWith("text/html")
        ? HttpServerResponse.setHeader(response, "content-security-policy", PAGE_POLICY)
        : response
    )
  )
)

/** Swagger UI at `/docs` and ReDoc at `/redoc`; both work without a network. */
export const layer = Layer.mergeAll(HttpApiSwagger.layer(Api, { path: "/docs" }), redoc, pagePolicy)
