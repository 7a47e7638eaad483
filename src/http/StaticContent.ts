import { createHash } from "node:crypto"
import { promisify } from "node:util"
import { brotliCompress, constants, gzip } from "node:zlib"
import { Effect } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { type ContentCoding, preferredCoding } from "./ContentCoding.ts"

export interface Content {
  readonly body: string | Uint8Array
  readonly contentType: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Serves content that stays the same while the process lives. The first request makes and compresses it. A client that
 * names its `ETag` gets a 304.
 */
export const staticContent = <R>(make: Effect.Effect<Content, never, R>) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R>()
    const content = yield* make.pipe(
      Effect.flatMap(prepare),
      Effect.provideContext(context),
      // Otherwise the interruption by a caller that closes its connection would be cached as the content.
      Effect.uninterruptible,
      Effect.cached
    )
    return (request: HttpServerRequest.HttpServerRequest) =>
      Effect.map(content, ({ bodies, contentType, headers }) => {
        if (request.headers["if-none-match"]?.includes(headers.etag)) {
          return HttpServerResponse.empty({ status: 304, headers })
        }
        const coding = preferredCoding(request.headers["accept-encoding"])
        return HttpServerResponse.uint8Array(bodies[coding], {
          contentType,
          headers: coding === "identity" ? headers : { ...headers, "content-encoding": coding }
        })
      })
  })

/** For the script of ReDoc (1.1 MB), 9 gives 10 % fewer bytes than gzip in 0.1 s; 11 gives 17 % fewer in 2 s. */
const BROTLI_QUALITY = 9

const zip = promisify(gzip)

const brotli = promisify(brotliCompress)

const prepare = ({ body, contentType, headers }: Content) =>
  Effect.promise(async () => {
    const identity = typeof body === "string" ? new TextEncoder().encode(body) : body
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: identity.length
    }
    const [br, gzip] = await Promise.all([brotli(identity, { params }), zip(identity)])
    const bodies: Readonly<Record<ContentCoding, Uint8Array>> = { br, gzip, identity }
    return {
      bodies,
      contentType,
      headers: {
        ...headers,
        etag: `W/"${createHash("sha256").update(identity).digest("base64url")}"`,
        vary: headers?.vary ?? "accept-encoding",
        "cache-control": "no-cache"
      }
    }
  })
