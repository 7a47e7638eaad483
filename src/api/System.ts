import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Timestamp } from "../domain/Text.ts"
import { Paths, template } from "./Paths.ts"
import { RequestValidation } from "./RequestValidation.ts"

export const Welcome = Schema.Struct({
  message: Schema.String,
  version: Schema.String,
  endpoints: Schema.Struct({
    users: Schema.String,
    messages: Schema.String,
    websocket: Schema.String,
    docs: Schema.String
  })
}).annotate({ identifier: "Welcome", description: "What this server is and where its parts are" })
export type Welcome = typeof Welcome.Type

/** Where the parts of the server are. */
export const endpoints: Welcome["endpoints"] = {
  users: `${Paths.users}/`,
  messages: `${Paths.messages}/`,
  websocket: template(Paths.webSocket),
  docs: Paths.docs
}

export const Health = Schema.Struct({
  status: Schema.Literals(["OK", "DEGRADED", "ERROR"]).annotate({
    description:
      "DEGRADED: Redis is unavailable, and the server works without it. ERROR: the database is unavailable"
  }),
  database: Schema.Literals(["OK", "OK (embedded)", "ERROR"]),
  redis: Schema.Literals(["OK", "OK (embedded)", "ERROR"]),
  timestamp: Timestamp
}).annotate({ identifier: "Health", description: "The state of the server and its dependencies" })
export type Health = typeof Health.Type

export const Probe = Schema.Struct({ status: Schema.Literals(["OK", "DRAINING", "ERROR"]) }).annotate({
  identifier: "Probe",
  description: "The answer to an orchestrator's probe"
})
export type Probe = typeof Probe.Type

export class System extends HttpApiGroup.make("system")
  .add(
    HttpApiEndpoint.get("welcome", Paths.welcome, { success: Welcome }).annotateMerge(
      OpenApi.annotations({ summary: "Name the server and its parts" })
    ),
    HttpApiEndpoint.get("health", Paths.health, {
      success: [Health, Health.pipe(HttpApiSchema.status(503))]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Show the state of the server",
        description:
          "200 while the server works, also without Redis (`DEGRADED`); 503 while the database is unavailable."
      })
    ),
    HttpApiEndpoint.get("livez", Paths.livez, { success: Probe }).annotateMerge(
      OpenApi.annotations({ summary: "Show that the process answers" })
    ),
    HttpApiEndpoint.get("readyz", Paths.readyz, {
      success: [Probe, Probe.pipe(HttpApiSchema.status(503))]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Show whether the node takes traffic",
        description:
          "503 from the moment that the node is told to stop, while the database is unavailable, and while no file descriptors are left."
      })
    )
  )
  .middleware(RequestValidation)
  .annotateMerge(OpenApi.annotations({ title: "System", description: "Health and probes" })) {}
