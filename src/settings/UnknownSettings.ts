/** How many letters a mistyped setting may differ by. Short names are close to many other names. */
const allowed = ({ length }: string): number => (length <= 6 ? 1 : length < 12 ? 2 : 3)

/** The edit distance of two texts: letters that are added, left out, changed, or swapped with the next one. */
const distance = (a: string, b: string): number => {
  let beforeLast: ReadonlyArray<number> = []
  let last: ReadonlyArray<number> = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(
        Math.min(
          last[j]! + 1,
          row[j - 1]! + 1,
          last[j - 1]! + (isSame ? 0 : 1),
          isSwap ? beforeLast[j - 2]! + 1 : Number.POSITIVE_INFINITY
        )
      )
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/**
 * The environment variables that are no setting but look like one that is not set. A line for each, with the setting that is
 * probably meant.
 */
export const unknownSettings = (
  environment: Readonly<Record<string, string | undefined>>,
  settings: Iterable<string>
): ReadonlyArray<string> => {
  const known = new Set(settings)
  const isSet = (name: string) => environment[name] !== undefined && environment[name] !== ""
  const unset = [...known].filter((setting) => !isSet(setting))
  return Object.keys(environment).flatMap((name) => {
    if (known.has(name) || !isSet(name)) return []
    const meant = unset.find((setting) => {
      const most = allowed(setting)
      return Math.abs(name.length - setting.length) <= most && distance(name.toUpperCase(), setting) <= most
    })
    return meant === undefined
      ? []
      : [`${name} is set, and is no setting of Mini Chat: it has no effect. Did you mean ${meant}?`]
  })
}
