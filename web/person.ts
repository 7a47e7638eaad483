import type { UserId } from "../src/client/MiniChat.ts"

/** Another user, as far as the page knows them. */
export interface Person {
  readonly user_id: UserId
  readonly username: string
  readonly display_name: string
  readonly avatar_url?: string
}
