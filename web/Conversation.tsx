import { useLayoutEffect } from "preact/hooks"
import {
  type ConversationEntry,
  type ConversationId,
  conversationOf,
  outgoingOf,
  timelineOf,
  typingIn
} from "../src/client/MiniChat.ts"
import { Avatar } from "./Avatar.tsx"
import { Composer } from "./Composer.tsx"
import { leave } from "./focus.ts"
import { presenceText } from "./format.ts"
import { History } from "./History.tsx"
import { Icon } from "./Icon.tsx"
import { isDeleted, personIn, titleOf } from "./names.ts"
import { OutgoingBubble } from "./OutgoingBubble.tsx"
import type { Session } from "./session.ts"
import { useView } from "./useView.ts"

/** Loads what is shown of a conversation and is not there: as when its user was removed and added again, or it was found by a search. */
const useParts = ({ client, state }: Session, entry: ConversationEntry | undefined) => {
  const [isOpen, hasMembers] = useView(
    () =>
      entry === undefined
        ? [false, false]
        : [
            timelineOf(state.value, entry.id) !== undefined,
            entry.kind !== "group" || state.value.members.has(entry.id)
          ],
    [state, entry]
  )
  useLayoutEffect(() => {
    if (entry !== undefined && !isOpen) client.open(entry.id).catch(() => {})
    if (entry !== undefined && !hasMembers) client.loadMembers(entry.id).catch(() => {})
  }, [entry?.id, isOpen, hasMembers])
}

/** The open conversation. */
export const Conversation = ({ session, id }: { session: Session; id: number }) => {
  const entry = useView(() => conversationOf(session.state.value, id), [session, id])
  const peer = entry?.with
  const names = useView(() => {
    const state = session.state.value
    return typingIn(state, id).map(
      (user) => personIn(state, id as ConversationId, user)?.display_name ?? "Somebody"
    )
  }, [session, id])
  const [presence, isBlocked] = useView(() => {
    const { presence, blocked } = session.state.value
    return peer === undefined
      ? ([undefined, false] as const)
      : ([presence.get(peer.user_id), blocked?.has(peer.user_id) === true] as const)
  }, [session, peer])
  useParts(session, entry)
  if (entry === undefined) return <Missing session={session} id={id} />
  const isOnline = presence?.online === true
  const about =
    names.length > 0
      ? `${names.join(", ")} ${names.length === 1 ? "is" : "are"} typing…`
      : entry.kind === "group"
        ? `${entry.member_count} ${entry.member_count === 1 ? "member" : "members"}`
        : isDeleted(entry)
          ? "Account deleted"
          : presenceText(presence)
  return (
    <>
      <header class="bar">
        <button type="button" class="icon back" aria-label="Back to the list" onClick={() => leave(session)}>
          <Icon name="back" />
        </button>
        <Avatar
          id={entry.with?.user_id ?? entry.id}
          name={titleOf(entry)}
          url={entry.with?.avatar_url}
          isOnline={isOnline}
          isGroup={entry.kind === "group"}
        />
        <div class="heading">
          <h2 tabIndex={-1}>{titleOf(entry)}</h2>
          <p class="about">{about}</p>
        </div>
        {entry.with !== undefined && !isDeleted(entry) && (
          <button
            type="button"
            class="icon"
            title={`About ${titleOf(entry)}`}
            aria-label={`About ${titleOf(entry)}`}
            onClick={() => session.showPerson(entry.with!)}
          >
            <Icon name="about" />
          </button>
        )}
        {entry.kind === "group" && (
          <button
            type="button"
            class="icon"
            title="Members"
            aria-label="Members"
            onClick={() => session.openDialog("group")}
          >
            <Icon name="people" />
          </button>
        )}
      </header>
      <History session={session} entry={entry} />
      {isDeleted(entry) ? (
        <p class="blocked" role="status">
          This account is deleted. You cannot write to it any more.
        </p>
      ) : isBlocked ? (
        <p class="blocked" role="status">
          You have blocked {titleOf(entry)}.
          <button type="button" onClick={() => session.attempt(session.client.unblock(entry.with!.user_id))}>
            Unblock
          </button>
        </p>
      ) : (
        <Composer session={session} entry={entry} />
      )}
    </>
  )
}

/** In place of a conversation that is not loaded yet, or that the user is no member of any more: then nothing is kept of it, but what was not sent. */
const Missing = ({ session, id }: { session: Session; id: number }) => {
  const state = session.state.value
  const timeline = timelineOf(state, id)
  const isWanted = [...state.sync.wanted].some((wanted) => wanted === id)
  const isLoading = timeline !== undefined && (timeline.isLoading || isWanted)
  const outgoing = outgoingOf(state, id)
  return (
    <div class="empty" role="status" aria-busy={isLoading}>
      {isLoading ? (
        <p>{state.list.isLoaded ? "Loading…" : "Loading your conversations…"}</p>
      ) : (
        <>
          <h2>You are no longer in this conversation</h2>
          <p>Somebody has removed you, or you have left it on another device.</p>
        </>
      )}
      {outgoing.length > 0 && (
        <ul class="unsent" aria-label="Your messages">
          {outgoing.map((item) => (
            <li key={item.client_id}>
              <OutgoingBubble session={session} item={item} isGrouped={false} quote={undefined} />
            </li>
          ))}
        </ul>
      )}
      <button type="button" onClick={() => leave(session)}>
        Back to the list
      </button>
    </div>
  )
}
