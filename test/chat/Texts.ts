/** The items of a JSON array, each as the text that it is. */
export const textsOf = (page: Uint8Array): ReadonlyArray<string> => {
  const { messages } = JSON.parse(Buffer.from(page).toString()) as { messages: ReadonlyArray<unknown> }
  return messages.map((item) => JSON.stringify(item))
}
