/** The items of a JSON array, each as the text that it is. */
export const textsOf = (array: Uint8Array): ReadonlyArray<string> =>
  (JSON.parse(Buffer.from(array).toString()) as ReadonlyArray<unknown>).map((item) => JSON.stringify(item))
