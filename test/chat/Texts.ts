/** The items of a JSON array, each as the text that it is. */
export const textsOf = (array: Buffer): ReadonlyArray<string> =>
  (JSON.parse(array.toString()) as ReadonlyArray<unknown>).map((item) => JSON.stringify(item))
