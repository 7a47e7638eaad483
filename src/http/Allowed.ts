import { FindMyWay } from "effect/http"
import { HttpApi } from "effect/http-api"
import { Api } from "../api/Api.ts"

/** How paths are matched, here and by the router: `/users` and `/users/` are one path. */
export const routerConfig = { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true } as const

/** Routes beside the API's own. */
const OTHER_PATHS = [
  "/docs",
  "/redoc",
  "/redoc/redoc.standalone.js",
  "/openapi.json",
  "/ws/:user_id",
  "/metrics"
] as const

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const

type Method = (typeof METHODS)[number]

const table = FindMyWay.make<true>(routerConfig)
for (const path of OTHER_PATHS) table.on("GET", path, true)
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint }) => table.on(endpoint.method as Method, endpoint.path as `/${string}`, true)
})

/** The methods that a path takes, as `Allow` lists them; none when there is no such path. */
export const allowedMethods = (url: string): ReadonlyArray<string> => {
  const methods = METHODS.filter((method) => table.find(method, url) !== undefined)
  if (methods.length === 0) return []
  return [...methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"]
}
