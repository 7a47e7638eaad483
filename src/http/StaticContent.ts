import { createHash } from "node:crypto"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { Effect } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"

export interface Content {
  readonly body: string | Uint8Array
  readonly contentType: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Serves content that stays the same while the process lives. It is made and compressed when it is first asked
 * for, and not sent again to a client that has it.
 */
export const staticContent = <R>(make: Effect.Effect<Content, never, R>) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R>()
    const content = yield* make.pipe(
      Effect.flatMap(prepare),
      Effect.provideContext(context),
      // A caller that hangs up while it is made must not leave its interruption as what is served from then on.
      Effect.uninterruptible,
      Effect.cached
    )
    return (request: HttpServerRequest.HttpServerRequest) =>
      Effect.map(content, ({ plain, compressed, contentType, headers }) => {
        if (request.headers["if-none-match"]?.includes(headers.etag)) {
          return HttpServerResponse.empty({ status: 304, headers })
        }
        return acceptsGzip(request)
          ? HttpServerResponse.uint8Array(compressed, {
              contentType,
              headers: { ...headers, "content-encoding": "gzip" }
            })
          : HttpServerResponse.uint8Array(plain, { contentType, headers })
      })
  })

const compress = promisify(gzip)

const prepare = ({ body, contentType, headers }: Content) =>
  Effect.promise(async () => {
    const plain = typeof body === "string" ? new TextEncoder().encode(body) : body
    return {
      plain,
      compressed: await compress(plain),
      contentType,
      headers: {
        ...headers,
        etag: `W/"${createHash("sha256").update(plain).digest("base64url")}"`,
        vary: "accept-encoding",
        "cache-control": "no-cache"
      }
    }
  })

const acceptsGzip = ({ headers }: HttpServerRequest.HttpServerRequest) =>
  /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(headers["accept-encoding"] ?? "")
