/** The patterns of the paths outside the users' and messages' groups, and the prefixes of these groups. */
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

/** A pattern as documents write it: `/ws/{user_id}` for `/ws/:user_id`. */
export const template = (pattern: string): string => pattern.replaceAll(/:(\w+)/g, "{$1}")
