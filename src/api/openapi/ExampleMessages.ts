/** The users and messages of the examples. */

export const alice = {
  id: 1,
  username: "alice",
  display_name: "Alice Liddell",
  created_at: "2026-01-31T12:00:00.000Z"
}
/** Alice with the external id that her application gave her. */
export const known = {
  ...alice,
  display_name: "Alice in Wonderland",
  external_id: "auth0|64f1c2",
  avatar_url: "https://example.com/alice.png"
}

export const bob = { id: 2, username: "bob", display_name: "bob", created_at: "2026-01-31T12:00:05.000Z" }

export const hello = {
  id: 7,
  sender_id: 1,
  sender_username: "alice",
  receiver_id: 2,
  content: "Hello!",
  timestamp: "2026-01-31T12:01:00.000Z",
  conversation_id: 3
}
export const reply = {
  id: 8,
  sender_id: 2,
  sender_username: "bob",
  receiver_id: 1,
  content: "Hi Alice",
  timestamp: "2026-01-31T12:01:09.500Z",
  conversation_id: 3,
  reply_to: { id: 7, sender_id: 1, content: "Hello!" },
  reactions: [{ emoji: "👍", count: 1, mine: true }]
}

export const edited = {
  ...hello,
  content: "Hello Bob!",
  version: 2,
  edited_at: "2026-01-31T12:03:00.000Z"
}

export const deleted = { ...hello, content: "", deleted_at: "2026-01-31T12:04:00.000Z" }

export const wholeNumber = "must be a whole number of at least 1, in digits"
