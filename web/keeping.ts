/** Makes a function that gives back the value of the call before, and its elements, where the new ones say the same. */
export const keeping = <A>() => {
  let last: A | undefined
  return (next: A): A => {
    last = Array.isArray(last) && Array.isArray(next) ? (keptArray(last, next) as A) : kept(last, next)
    return last
  }
}

const keptArray = (last: ReadonlyArray<unknown>, next: ReadonlyArray<unknown>) => {
  const elements = next.map((element, i) => kept(last[i], element))
  const isSame = last.length === next.length && elements.every((element, i) => element === last[i])
  return isSame ? last : elements
}

const kept = <A>(last: A | undefined, next: A): A =>
  last === next || (isRecord(last) && isRecord(next) && haveSameFields(last, next)) ? (last as A) : next

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

const haveSameFields = (a: Record<string, unknown>, b: Record<string, unknown>) =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((key) => a[key] === b[key])
