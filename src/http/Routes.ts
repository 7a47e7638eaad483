import { Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { groupWithoutServices } from "../RequestContext.ts"
import * as Authorization from "./Authorization.ts"
import * as Blocks from "./Blocks.ts"
import * as Boundary from "./Boundary.ts"
import * as Conversations from "./Conversations.ts"
import * as Docs from "./Docs.ts"
import * as Messages from "./Messages.ts"
import * as Metrics from "./Metrics.ts"
import * as Moderation from "./Moderation.ts"
import * as Page from "./Page.ts"
import * as RequestValidation from "./RequestValidation.ts"
import * as System from "./System.ts"
import * as Users from "./Users.ts"

/** Every route but that of the sockets, with the middleware around all requests. */
export const layer = Layer.mergeAll(
  HttpApiBuilder.layer(Api).pipe(
    Layer.provide([
      groupWithoutServices(Users.layer),
      groupWithoutServices(Messages.layer),
      groupWithoutServices(Conversations.layer),
      groupWithoutServices(Blocks.layer),
      groupWithoutServices(Moderation.layer),
      groupWithoutServices(System.layer)
    ]),
    Layer.provide([Authorization.layer, RequestValidation.layer])
  ),
  Docs.layer,
  Page.layer,
  Metrics.layer,
  Boundary.layer
)
