import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../Authorization.ts"
import { CloseCode } from "../CloseCode.ts"
import { EpochParam, SeqParam, UserIdParam } from "../Parameters.ts"
import { Paths } from "../Paths.ts"
import { ServiceUnavailable, UpgradeRequired, ValidationFailed } from "../Problems.ts"

const connectAgain = ({ code, reconnect }: CloseCode) =>
  code === CloseCode.unauthorized.code ? "yes, with a new token" : reconnect ? "yes, with `since`" : "no"

/** The rows of the table of close codes. docs/API.md has the same. */
export const closeCodes = Object.values<CloseCode>(CloseCode).map(
  (each) => `| ${each.code} | ${each.reason} | ${connectAgain(each)} |`
)

const description = `Connect with a WebSocket client. Text frames of one JSON object go both ways: \`ClientFrame\` and
\`ServerFrame\` among the schemas. Every event of a user has the next \`seq\`, without gap or repeat: with \`since\`, the
events after that one come first, then the socket is live. A socket that offers the subprotocol \`minichat.v2\` gets
every type of frame; without it, or with \`minichat.v1\`, only \`system\`, \`pong\`, \`ack\`, \`error\`, and the \`message\` of direct
conversations.

The numbered events report all that changes for a user: messages of direct conversations and groups, their edits, deletes and
reactions, conversations and members that come, change and go, and how far the user's other devices have read. A client that
has applied every event has the state of one that loads it anew. Ignore types that you do not know.

The first message between two users makes their direct conversation, without \`conversation_added\`: when an event has a
\`conversation_id\` that you do not know, load that conversation.

Three frames have no \`seq\`: \`typing\`, \`presence\` of those whom a \`watch\` names, and the \`read\` of
groups. They are stored nowhere and dropped while the client does not read. Show a user as typing for 6 s after the last such
frame. A user goes offline 3 s after its last socket closed.

Give \`epoch\` with \`since\`, as \`system\` sent it. After a restore of a backup, or a failover that lost something, it is
another one, and numbers are given out a second time: such a \`since\` is answered with \`"recovered":false\`, and the client
loads the history anew.

Where a token is needed, it stands in \`Authorization: Bearer\`; a browser, which cannot set headers here, offers it as
the subprotocol \`bearer.<token>\` next to \`minichat.v1\` or \`minichat.v2\`. Send \`{"type":"auth","token":"…"}\` to
renew it before it expires.

A missing or bad token, or a socket of someone else, is refused by HTTP 401 or 403 before there is a socket; a browser
sees that as 1006.

With a user's token, \`/ws/me\` is the socket of that user; \`system\` has its \`user_id\`.

| Close code | Meaning | Connect again |
|---|---|---|
${closeCodes.join("\n")}
`

// ReDoc shows a schema that no operation refers to by these tags only; Swagger UI ignores them.
const frames = ["ClientFrame", "ServerFrame"].map(
  (name) => `<SchemaDefinition schemaRef="#/components/schemas/${name}" />`
)

/** The socket, for the docs only: `realtime/SocketRoute.ts` serves it, and not the API's router. */
export class LiveEvents extends HttpApiGroup.make("live")
  .add(
    HttpApiEndpoint.get("connect", Paths.webSocket, {
      params: { user_id: UserIdParam },
      query: { since: Schema.optionalKey(SeqParam), epoch: Schema.optionalKey(EpochParam) },
      success: HttpApiSchema.Empty(101).annotate({
        description: "The connection is a WebSocket from here on"
      }),
      error: [ValidationFailed, UpgradeRequired, ServiceUnavailable]
    }).annotateMerge(OpenApi.annotations({ summary: "Receive a user's events live", description }))
  )
  .middleware(Authorization)
  .annotateMerge(
    OpenApi.annotations({
      title: "Live events",
      description: ["A WebSocket for each user", ...frames].join("\n\n")
    })
  ) {}
