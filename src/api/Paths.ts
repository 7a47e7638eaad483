/** The prefixes of the groups of the API, and the paths of all other routes. `:name` is a parameter. */
export const Paths = {
  welcome: "/",
  users: "/users",
  messages: "/messages",
  conversations: "/conversations",
  reports: "/reports",
  webSocket: "/ws/:user_id",
  health: "/health",
  livez: "/livez",
  readyz: "/readyz",
  metrics: "/metrics",
  openApi: "/openapi.json",
  docs: "/docs",
  redoc: "/redoc",
  redocScript: "/redoc/redoc.standalone.js",
  clientScript: "/client.js",
  pageScript: "/page/app.js",
  pageStyles: "/page/app.css"
} as const

/** A path as the documentation writes it: `/ws/{user_id}` for `/ws/:user_id`. */
export const template = (pattern: string): string => pattern.replaceAll(/:(\w+)/g, "{$1}")
