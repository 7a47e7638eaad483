import type { InboxEvent } from "./Frame.ts"

export interface Received {
  readonly event: InboxEvent
  readonly at: number
}

/** What one device saw of one user's inbox: everything in order of arrival, after the number it began from. */
export interface Inbox {
  readonly userId: number
  readonly after: number
  readonly received: ReadonlyArray<Received>
}

/** Notes that something is wrong with an inbox. */
export type Found = (kind: "lost" | "repeated" | "reordered" | "altered", what: string) => void
