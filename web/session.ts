import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals"
import {
  type Client,
  type ConversationEntry,
  type ConversationId,
  connect,
  conversationList,
  conversationOf,
  type Message,
  type State,
  timelineOf,
  type User
} from "../src/client/MiniChat.ts"
import type { Account } from "./accounts.ts"
import { draftOf, keepDraft } from "./drafts.ts"
import { keeping } from "./keeping.ts"
import { type LookedUp, lookUp } from "./lookedUp.ts"
import type { Person } from "./person.ts"
import { reasonOf, SERVER } from "./server.ts"

/** Of how many conversations the page shows who is online: those with the latest activity. */
const WATCHED = 200

/** How long a pointer or the focus rests on a conversation before its messages are loaded, in milliseconds. Most are passed on the way. */
const REST = 60

export type DialogName = "new" | "group" | "help" | "me" | "blocked" | "person" | "readers" | "report"

/** The dialogs about the conversation that is open. */
const ABOUT_CONVERSATION: ReadonlySet<DialogName | undefined> = new Set(["group", "readers"])

/** One signed-in user: the client, and what the pane shows of it. */
export interface Session {
  readonly account: Account
  readonly client: Client
  readonly state: Signal<State>
  readonly conversations: ReadonlySignal<ReadonlyArray<ConversationEntry>>
  readonly me: ReadonlySignal<User | undefined>
  readonly lookedUp: LookedUp
  readonly selected: Signal<number | undefined>
  /** The id of the message that is answered. It is kept with the draft. */
  readonly replyTo: ReadonlySignal<number | undefined>
  readonly editing: Signal<Message | undefined>
  /** The message that is to be shown, after a jump to it. Each jump is another one. */
  readonly target: Signal<{ readonly id: number } | undefined>
  /** Counts the messages that were written here, and other requests for the newest message. After each the history shows it. */
  readonly sent: Signal<number>
  readonly dialog: Signal<DialogName | undefined>
  /** The message that the dialog is about. */
  readonly subject: Signal<Message | undefined>
  /** The other user that the dialog is about. */
  readonly person: Signal<Person | undefined>
  /** What went wrong with the last thing that was asked for. */
  readonly error: Signal<string | undefined>
  /** Does something that may be refused; its reason is shown. */
  attempt<A>(action: Promise<A>): Promise<A | undefined>
  select(conversationId: number | undefined): void
  /** Says which message of the open conversation is answered by what is written. */
  answer(messageId: number | undefined): void
  /** Begins to load a conversation that is about to be selected. */
  prepare(conversationId: number): void
  /** Begins to load the messages of a conversation that may be selected, unless it is called again soon, or without one. */
  expect(conversationId?: number, rest?: number): void
  /** Opens a conversation at one of its messages. */
  jump(conversationId: number, messageId: number): void
  /** Opens a dialog, without the error of what was done before. */
  openDialog(dialog: DialogName): void
  /** Opens a dialog over the one that is open: that one comes back when it closes. */
  openOver(dialog: DialogName): void
  /** Shows who another user is. */
  showPerson(person: Person): void
  /** Closes the dialog that is open, and shows the one below it. */
  closeDialog(): void
  closeDialogs(): void
  /** Opens the direct conversation with a user. */
  startWith(userId: number): Promise<void>
}

export const startSession = async (account: Account): Promise<Session> => {
  const client = await connect({ url: SERVER, userId: account.userId, token: account.token })
  const state = signal(client.state)
  const selected = signal<number | undefined>(undefined)
  const replyTo = signal<number | undefined>(undefined)
  const editing = signal<Message | undefined>(undefined)
  const error = signal<string | undefined>(undefined)
  const dialog = signal<DialogName | undefined>(undefined)
  const target = signal<{ readonly id: number } | undefined>(undefined)
  const sent = signal(0)
  const subject = signal<Message | undefined>(undefined)
  const person = signal<Person | undefined>(undefined)
  let below: DialogName | undefined
  let watched = ""

  /** Watches who is online: the user of the open conversation first, as it may be far down in the list. */
  const watch = () => {
    const { order, conversations } = client.state
    const shown = [selected.value as ConversationId, ...order.slice(0, WATCHED)]
    const users = shown.flatMap((id) => conversations.get(id)?.with?.user_id ?? [])
    const ids = [...new Set(users)].slice(0, WATCHED)
    const wanted = ids.join()
    if (wanted !== watched) client.watch(ids)
    watched = wanted
  }
  const update = () => {
    state.value = client.state
    watch()
    const id = selected.value
    // While it is loaded anew the conversation is missing for a moment, and its timeline stays.
    if (id !== undefined && conversationOf(client.state, id) === undefined && !isOpened(id)) leaveDialogs()
  }
  const isOpened = (id: number) => timelineOf(client.state, id) !== undefined
  /** Whether a part of long ago is shown, or is on its way. */
  const hasNewer = (id: number) => {
    const { hasNewer, isLoading, around } = timelineOf(client.state, id) ?? { hasNewer: false }
    return hasNewer && (!isLoading || around !== undefined)
  }
  const attempt = async <A>(action: Promise<A>) => {
    error.value = undefined
    try {
      return await action
    } catch (cause) {
      error.value = reasonOf(cause)
      return undefined
    }
  }
  const goTo = (id: number | undefined) => {
    if (id !== selected.value) leaveDialogs()
    selected.value = id
    if (id === expected) expected = undefined
    watch()
    target.value = undefined
    replyTo.value = (id !== undefined && Number(draftOf(account.userId, id, "reply"))) || undefined
    editing.value = undefined
    error.value = undefined
  }
  const prepare = (id: number) => {
    // First: the names above the messages come with the members.
    const isGroup = conversationOf(client.state, id)?.kind === "group"
    if (isGroup && !client.state.members.has(id as ConversationId)) client.loadMembers(id).catch(() => {})
    if (!isOpened(id)) client.open(id).catch(() => {})
  }
  let resting: ReturnType<typeof setTimeout> | undefined
  /** The conversation that was loaded because it may be selected. The next one takes its place, one at a time. */
  let expected: number | undefined
  const expect = (id?: number, rest = REST) => {
    clearTimeout(resting)
    resting = setTimeout(() => {
      if (id === undefined || isOpened(id) || client.state.status.type !== "online") return
      // A load that nobody waits for any more would go on, and hold up that of a click.
      if (timelineOf(client.state, expected!)?.isLoading) return expect(id)
      if (expected !== undefined && expected !== selected.value) client.close(expected)
      expected = id
      client.open(id).catch(() => {})
    }, rest)
  }
  const select = (id: number | undefined) => {
    const isShown = id === selected.value
    goTo(id)
    if (id === undefined) return
    // A part of long ago would hide what is unread.
    if (hasNewer(id)) {
      if (isShown) sent.value++
      else client.close(id)
    }
    prepare(id)
  }
  const jump = (id: number, messageId: number) => {
    if (selected.value !== id) goTo(id)
    target.value = { id: messageId }
    client.open(id, messageId).catch(() => {})
  }
  const show = (next: DialogName | undefined, under?: DialogName) => {
    below = under
    dialog.value = next
    error.value = undefined
  }
  const openOver = (name: DialogName) => show(name, dialog.value)
  /** Closes the dialogs about the conversation that was open. */
  const leaveDialogs = () => {
    if (ABOUT_CONVERSATION.has(below)) below = undefined
    if (ABOUT_CONVERSATION.has(dialog.value)) show(undefined)
  }
  const keepParts = keeping<ReadonlyArray<unknown>>()
  const keepList = keeping<ReadonlyArray<ConversationEntry>>()
  /** What the list is made from. */
  const parts = computed(() => {
    const { order, conversations, outbox, timelines } = state.value
    return keepParts([order, conversations, outbox, timelines])
  })
  client.loadBlocks().catch(() => {})
  client.loadProfile().catch(() => {})
  client.subscribe(update)
  update()
  return {
    account,
    client,
    state,
    me: computed(() => state.value.profile),
    lookedUp: lookUp(client),
    selected,
    replyTo,
    editing,
    dialog,
    error,
    target,
    sent,
    subject,
    person,
    openDialog: (name) => show(name),
    openOver,
    showPerson: (other) => {
      person.value = other
      openOver("person")
    },
    closeDialog: () => show(below),
    closeDialogs: () => show(undefined),
    attempt,
    answer: (messageId) => {
      replyTo.value = messageId
      if (selected.value !== undefined)
        keepDraft(account.userId, selected.value, "reply", String(messageId ?? ""))
    },
    select,
    prepare,
    expect,
    jump,
    conversations: computed(() => {
      parts.value
      return keepList(conversationList(state.peek()))
    }),
    startWith: async (userId) => {
      const conversation = await attempt(client.openDirect(userId))
      if (conversation !== undefined) select(conversation.id)
    }
  }
}
