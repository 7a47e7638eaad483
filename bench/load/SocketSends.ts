import { closedLoop, type LoopResult } from "./ClosedLoop.ts"
import { openSockets } from "./OpenSockets.ts"
import { MESSAGE_TEXT } from "./Pairs.ts"

export interface SocketSends {
  /** The users of the open sockets, in their order. */
  readonly users: ReadonlyArray<number>
  readonly seconds: number
  /** Distinguishes the client ids of this run from those of every other. */
  readonly run: string
}

/** Every open socket sends to the next one's user, and its next message once the last one is acknowledged. */
export const socketSends = ({ users, seconds, run }: SocketSends): Promise<LoopResult> =>
  closedLoop(openSockets.length, seconds, (client, n, done) => {
    const socket = openSockets[client]!
    const client_id = `${run}-${n}`
    socket.onFrame = (frame) => {
      if (frame.type === "message") return
      done(frame.type === "ack" && frame.client_id === client_id)
    }
    const receiver_id = users[(client + 1) % users.length]
    socket.send({ type: "send", receiver_id, content: MESSAGE_TEXT, client_id })
  })
