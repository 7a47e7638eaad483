/** What the server says to programs, by its words, and what that is to the person in front of the page. */
const SENTENCES = new Map([
  ["The other user takes no messages from this user", "This person does not take messages from you."],
  ["The user is not a member of this conversation", "You are no longer a member of this conversation."],
  ["The role of the user in this group does not allow this", "Only the owner or an admin may do this."],
  ["The user is suspended", "Your account is suspended."],
  [
    "The user is suspended: it may read, and do nothing else",
    "Your account is suspended: you can only read."
  ],
  ["User not found", "This account does not exist any more."],
  ["Receiver not found", "This person has no account any more."],
  ["The message was edited meanwhile: read it again", "This message was edited elsewhere meanwhile."],
  ["Username already registered", "Somebody has this name already. Choose another one."],
  ["username: must have 3 to 50 characters", "Your name needs at least 3 letters or digits."],
  ["Token expired or taken back", "Your session is over. Sign in again."]
])

/** A sentence for the person in front of the page. One that is not known stays as the server has written it. */
export const sentenceOf = (words: string): string => SENTENCES.get(words) ?? words
