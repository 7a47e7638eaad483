/** One reason for which the server closes a socket. */
export interface CloseCode {
  /** The WebSocket close code. */
  readonly code: number
  /** The reason in the close frame: short, for a person who reads a log. */
  readonly reason: string
  /** Whether a client should connect again as it did, with the last `seq` that it has as `since`. */
  readonly reconnect: boolean
}

/**
 * Every close code of the contract, with what a client should do about it. A handshake is refused by an HTTP status: 4001 and 4003
 * close sockets that were open before.
 */
export const CloseCode = {
  goingAway: { code: 1001, reason: "Server going away", reconnect: true },
  protocolAbuse: { code: 1008, reason: "Too many bad frames in a row", reconnect: false },
  frameTooBig: { code: 1009, reason: "Frame too big", reconnect: false },
  serverError: { code: 1011, reason: "Server error", reconnect: true },
  restarting: { code: 1012, reason: "Server restarting", reconnect: true },
  nodeFull: { code: 1013, reason: "Too many sockets on this node", reconnect: true },
  unauthorized: { code: 4001, reason: "Token expired or taken back", reconnect: false },
  disconnected: { code: 4002, reason: "Disconnected by the application", reconnect: false },
  forbidden: { code: 4003, reason: "Not allowed to connect", reconnect: false },
  userNotFound: { code: 4004, reason: "User not found", reconnect: false },
  tooSlow: { code: 4008, reason: "Too slow to read", reconnect: true },
  tooManySockets: { code: 4009, reason: "Too many sockets", reconnect: false }
} as const satisfies Record<string, CloseCode>

/** The close codes that the application may order for its own reasons. */
export const ORDERED_CODES = [
  CloseCode.restarting.code,
  CloseCode.unauthorized.code,
  CloseCode.disconnected.code,
  CloseCode.forbidden.code
] as const

/** What is wrong with another code in an order. */
export const NOT_ORDERED = `must be ${ORDERED_CODES.slice(0, -1).join(", ")} or ${ORDERED_CODES.at(-1)}`

/** `forbidden` for the sockets of a suspended user. */
export const SUSPENDED: CloseCode = { ...CloseCode.forbidden, reason: "The user is suspended" }
