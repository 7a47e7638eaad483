import { Effect, Exit, Scope } from "effect"
import type { Conversation, Member } from "../domain/Conversation.ts"
import type { Message } from "../domain/Message.ts"
import type { Report } from "../domain/Moderation.ts"
import type { User, UserChange } from "../domain/User.ts"
import { type ConnectOptions, type EffectChat, make } from "./Chat.ts"
import type { SendOptions, Target } from "./Commands.ts"
import type { GroupOptions } from "./Groups.ts"
import { iterateEvents, iterateStates } from "./Iterate.ts"
import type { BlockPage, Found, SearchOptions } from "./People.ts"
import type { ReaderEvent } from "./Readers.ts"
import type { State } from "./State.ts"

/** A message that is kept, and on its way. */
export interface Sent {
  readonly clientId: string
  /** Resolves to the message once it is committed. Rejects with a `Refusal` when the server refuses it, or it is discarded. */
  acknowledged(): Promise<Message>
}

/**
 * A user's chat. What a person asked for (`send`, `edit`, `remove`, `react`, `markRead`) resolves once it is in the storage, works
 * without a connection, and is done once. The other calls reject without a connection.
 */
export interface Client extends AsyncDisposable {
  /** What is known now. It is never changed in place. Read it with the functions of this package, such as `messagesOf`. */
  readonly state: State
  /** Calls the listener after each change of the state, until the returned function is called. */
  subscribe(listener: (state: State) => void): () => void
  /** The state now and after each change; a slow reader misses states in between. */
  states(): AsyncIterableIterator<State>
  /**
   * The events of the inbox in order, each once: all those since the snapshot of the storage, if it is called at once after
   * `connect`. What was being worked on when the process ended comes again in the next one. A `gap` stands for events that the
   * server cannot replay any more. Ends when the application disconnects; rejects with a `Refusal` when the server closes the
   * client for good: its `code` is the reason of the status.
   */
  events(): AsyncIterableIterator<ReaderEvent>
  send(to: Target, content: string, options?: SendOptions): Promise<Sent>
  /** Edits a message of the user. With a `version` it is refused when the message is not of that version any more. */
  edit(conversationId: number, messageId: number, content: string, version?: number): Promise<void>
  /** Deletes a message. */
  remove(conversationId: number, messageId: number): Promise<void>
  /** Reacts with one emoji, or takes the reaction back. */
  react(conversationId: number, messageId: number, emoji: string, added?: boolean): Promise<void>
  /** Marks a conversation as read up to a message. */
  markRead(conversationId: number, messageId: number): Promise<void>
  /** Tries once more what was refused. */
  retry(clientId: string): Promise<void>
  /** Forgets what was refused, or waits. A message that is on its way may arrive all the same. */
  discard(clientId: string): Promise<void>
  /** Shows the others that the user types. Call it at each key: frames are sent as often as needed. */
  typing(conversationId: number, typing?: boolean): void
  /** Whose presence is in the state from now on, at most 200 users. Replaces the call before. */
  watch(userIds: ReadonlyArray<number>): void
  /** Loads the newest messages of a conversation, or those around one, and keeps them up to date until `close`. */
  open(conversationId: number, around?: number): Promise<void>
  close(conversationId: number): void
  loadOlder(conversationId: number): Promise<void>
  loadNewer(conversationId: number): Promise<void>
  /** Loads the next page of the list. */
  loadConversations(): Promise<void>
  loadMembers(conversationId: number): Promise<void>
  createGroup(title: string, memberIds: ReadonlyArray<number>, options?: GroupOptions): Promise<Conversation>
  /** The direct conversation with a user, made when there is none. A first message makes it as well. */
  openDirect(userId: number): Promise<Conversation>
  updateGroup(
    conversationId: number,
    change: { readonly title?: string; readonly metadata?: NonNullable<Message["metadata"]> | null }
  ): Promise<Conversation>
  /** Adds a member to a group, or changes its role. */
  putMember(conversationId: number, memberId: number, role?: Member["role"]): Promise<Member>
  removeMember(conversationId: number, memberId: number): Promise<void>
  leave(conversationId: number): Promise<void>
  users(after?: number): Promise<ReadonlyArray<User>>
  /** Users whose username or display name begins so, whatever the case, 100 at most. `after`: the last one of the page before. */
  findUsers(beginning: string, after?: number): Promise<ReadonlyArray<User>>
  /** The user with this whole username, of 1 to 50 characters; case matters. `undefined`: there is none, or it may not be seen. */
  userNamed(username: string): Promise<User | undefined>
  user(userId: number): Promise<User>
  /** Loads the user's own profile into `state.profile`, and keeps it up to date. */
  loadProfile(): Promise<void>
  /** Changes the user's own profile. What is left out stays, null removes. */
  updateProfile(change: UserChange): Promise<User>
  /** Finds messages that have all the words, in any order; the last one may be the beginning of a word. Newest first. */
  search(words: string, options?: SearchOptions): Promise<Found>
  /** Loads whom the user has blocked into `state.blocked`, and keeps it up to date. */
  loadBlocks(): Promise<void>
  /** Whom the user has blocked, with their names, 100 at most. `after`: the `next` of the page before. */
  blocks(after?: number): Promise<BlockPage>
  /** From now on the other one's direct messages are refused, and what it types and reads is not shown. */
  block(userId: number): Promise<void>
  unblock(userId: number): Promise<void>
  /** Reports a message to the application's moderators. Repeated, it stays the first report. */
  report(messageId: number, reason?: string): Promise<Report>
  /** Everything that the server stores of the user, as NDJSON: one JSON object a line. Rejects when it is not whole. */
  exportData(): Promise<Blob>
  /**
   * Erases the user for good: its name, its profile and the content of all that it wrote, for everybody. Then it forgets what is
   * stored on this device, and disconnects. Repeat it when it rejects: it may have been carried out all the same.
   */
  deleteAccount(): Promise<void>
  /** Connects now, if it is waiting to. */
  nudge(): void
  /** Removes what is stored of this user on this device, and disconnects, as after a log-out. */
  forget(): Promise<void>
  /** Disconnects. What waits in the outbox stays in the storage. */
  disconnect(): Promise<void>
}

/**
 * Connects a user. Resolves once what is stored is read, without waiting for the network. Without a `userId` it waits for the
 * server, and rejects with `Refused` when the token is refused or is no user's, and with `Unreachable` when there is no answer.
 */
export const connect = async (options: ConnectOptions): Promise<Client> => {
  const scope = Scope.makeUnsafe()
  return withPromises(await Effect.runPromise(Scope.provide(make(options), scope)), scope)
}

const withPromises = (chat: EffectChat, scope: Scope.Closeable): Client => {
  const run = Effect.runPromise
  const runIgnoringErrors = <A, E>(effect: Effect.Effect<A, E>) => {
    Effect.runFork(Effect.ignore(effect))
  }
  const close = async () => {
    await run(Scope.close(scope, Exit.void))
    const closed = { type: "closed", reason: "closed", message: "The application has disconnected" } as const
    chat.store.dispatch({ type: "status", status: closed })
  }
  const promised =
    <Args extends ReadonlyArray<unknown>, A, E>(call: (...args: Args) => Effect.Effect<A, E>) =>
    (...args: Args) =>
      run(call(...args))
  let isForgotten = false
  const disconnect = async () => {
    if (!isForgotten) await run(Effect.ignore(chat.save))
    await close()
  }
  const forget = async () => {
    isForgotten = true
    await close()
    await run(chat.forget)
  }
  return {
    get state() {
      return chat.store.state
    },
    subscribe: chat.store.subscribe,
    states: () => iterateStates(chat.store),
    events: () => iterateEvents(Effect.runSync(chat.openEvents)),
    send: async (to, content, sendOptions) => {
      const { client_id: clientId } = await run(chat.send(to, content, sendOptions))
      return { clientId, acknowledged: () => run(chat.acknowledged(clientId)) }
    },
    edit: (...args) => run(Effect.asVoid(chat.edit(...args))),
    remove: (...args) => run(Effect.asVoid(chat.remove(...args))),
    react: (...args) => run(Effect.asVoid(chat.react(...args))),
    markRead: (...args) => run(Effect.asVoid(chat.markRead(...args))),
    retry: promised(chat.retry),
    discard: promised(chat.discard),
    typing: (...args) => runIgnoringErrors(chat.typing(...args)),
    watch: (userIds) => runIgnoringErrors(chat.watch(userIds)),
    open: promised(chat.open),
    close: (conversationId) => runIgnoringErrors(chat.close(conversationId)),
    loadOlder: promised(chat.loadOlder),
    loadNewer: promised(chat.loadNewer),
    loadConversations: () => run(chat.loadConversations),
    loadMembers: promised(chat.loadMembers),
    createGroup: promised(chat.createGroup),
    openDirect: promised(chat.openDirect),
    updateGroup: promised(chat.updateGroup),
    putMember: promised(chat.putMember),
    removeMember: promised(chat.removeMember),
    leave: promised(chat.leave),
    users: promised(chat.users),
    findUsers: promised(chat.findUsers),
    userNamed: promised(chat.userNamed),
    loadProfile: () => run(chat.loadProfile),
    updateProfile: promised(chat.updateProfile),
    search: promised(chat.search),
    loadBlocks: () => run(chat.loadBlocks),
    blocks: promised(chat.blocks),
    block: promised(chat.block),
    unblock: promised(chat.unblock),
    report: promised(chat.report),
    user: promised(chat.user),
    nudge: () => runIgnoringErrors(chat.nudge),
    exportData: promised(chat.exportData),
    deleteAccount: async () => {
      await run(chat.deleteAccount())
      await forget()
    },
    forget,
    disconnect,
    [Symbol.asyncDispose]: disconnect
  }
}
