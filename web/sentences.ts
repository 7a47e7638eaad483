/** What the server says to programs, by its words, and what that is to the person in front of the page. */
const SENTENCES = new Map([
  ["The other user takes no messages from this user", "This person does not take messages from you."],
  ["The user is not a member of this conversation", "You are no longer a member of this conversation."],
  ["The role of the user in this group does not allow this", "Only the owner or an admin may do this."],
  ["The user is suspended", "Your account is suspended."],
  ["Receiver not found", "This person has no account any more."],
  ["Username already registered", "Somebody has this name already. Choose another one."],
  ["username: must have 3 to 50 characters", "Your name needs at least 3 letters or digits."]
])

/** A sentence for the person in front of the page. One that is not known stays as the server has written it. */
export const sentenceOf = (words: string): string => SENTENCES.get(words.replace(/: it may .*/, "")) ?? words
