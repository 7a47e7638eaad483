import { FindMyWay } from "effect/http"
import { HttpApi } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { Paths } from "../api/Paths.ts"

/** How paths are matched, here and by the router: `/users` and `/users/` are one path. */
export const routerConfig = {
  ignoreTrailingSlash: true,
  ignoreDuplicateSlashes: true,
  // An external id has up to 255 characters, each at most twelve when it is percent-encoded.
  maxParamLength: 4096
} as const

/** Routes outside the API's own. */
const OTHER_PATHS = [
  Paths.docs,
  Paths.redoc,
  Paths.redocScript,
  Paths.openApi,
  Paths.webSocket,
  Paths.metrics
] as const

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const

type Method = (typeof METHODS)[number]

const table = FindMyWay.make<string>(routerConfig)
for (const path of OTHER_PATHS) table.on("GET", path, path)
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint: { method, path } }) => table.on(method as Method, path as `/${string}`, path)
})

/** The pattern of a request's path, such as `/users/:user_id`; `undefined` when the server has no such path. */
export const routeOf = (method: string, url: string): string | undefined =>
  table.find(method === "HEAD" ? "GET" : method, url)?.handler

/** The methods that a path takes, as `Allow` lists them; empty when the server has no such path. */
export const allowedMethods = (url: string): ReadonlyArray<string> => {
  const patterns = METHODS.map((method) => table.find(method, url)?.handler)
  // A path with a pattern without parameters, such as `/messages/search`, does not match `/messages/:message_id` too.
  const [own] = patterns.filter((pattern) => pattern?.includes(":") === false)
  const methods = METHODS.filter((_, i) =>
    own === undefined ? patterns[i] !== undefined : patterns[i] === own
  )
  if (methods.length === 0) return []
  return [...methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"]
}
