import type { Draft } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"

/**
 * Inboxes locked for longer than LOCK_TIMEOUT, by the transaction of another program. Sends that concern them run apart and do not
 * wait for the lock, so that they do not hold up every batch.
 */
export class LockedInboxes {
  private readonly users = new Set<UserId>()

  /** Marks inboxes whose lock was not released after all tries. */
  add(users: Iterable<UserId>): void {
    for (const userId of users) this.users.add(userId)
  }

  /** Removes an inbox that could be locked. */
  delete(userId: UserId): void {
    this.users.delete(userId)
  }

  /** The drafts that concern a locked inbox, and the others. Each part keeps the order of the drafts. */
  partition(drafts: ReadonlyArray<Draft>): {
    readonly locked: ReadonlyArray<Draft>
    readonly free: ReadonlyArray<Draft>
  } {
    if (this.users.size === 0) return { locked: [], free: drafts }
    const isLocked = concerns(this.users)
    return { locked: drafts.filter(isLocked), free: drafts.filter((draft) => !isLocked(draft)) }
  }
}

export const usersOf = ({ sender_id, receiver_id }: Draft): ReadonlyArray<UserId> => [sender_id, receiver_id]

/** Whether a draft has its sender or receiver among these users. */
export const concerns =
  (users: ReadonlySet<UserId>) =>
  (draft: Draft): boolean =>
    usersOf(draft).some((userId) => users.has(userId))
