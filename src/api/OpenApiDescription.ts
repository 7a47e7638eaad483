import { CloseCode } from "./CloseCode.ts"

const closeCodes = Object.values(CloseCode).map(
  ({ code, reason, reconnect }) => `| ${code} | ${reason} | ${reconnect ? "yes, with `since`" : "no"} |`
)

/** The text that the API's documentation begins with, in Markdown. */
export const describeApi = `A real-time chat backend: REST for users and messages, a WebSocket for each user.

Every error is an RFC 9457 problem (\`application/problem+json\`) whose \`detail\` says what happened. A request that
does not decode is a 422 that names every bad field; a body may have 64 KiB. Unknown extra fields are ignored. Paths
are served with and without the trailing slash.

## Live events

Connect to \`/ws/{user_id}\`. Text frames of one JSON object go both ways: \`ClientFrame\` and \`ServerFrame\` among the
schemas. Every event of a user has the next \`seq\`, without gap or repeat. Connect again with \`?since=\` the last
\`seq\` to get what was missed, or read it with \`GET /users/{user_id}/events\`. A socket that offers the subprotocol
\`minichat.v2\` gets every type of frame; without it, or with \`minichat.v1\`, only \`system\`, \`message\`, \`pong\`,
\`ack\` and \`error\`.

When the server asks for tokens, give one in \`Authorization: Bearer\`; a browser, which cannot, offers it as the
subprotocol \`bearer.<token>\` next to \`minichat.v1\` or \`minichat.v2\`.

| Close code | Meaning | Connect again |
|---|---|---|
${closeCodes.join("\n")}
`
