const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" })
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" })
const fullDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" })
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" })

const DAY = 86_400_000

const dayOf = (at: Date) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime()

const daysAgo = (at: Date) => Math.round((dayOf(new Date()) - dayOf(at)) / DAY)

const capital = (text: string) => text.charAt(0).toLocaleUpperCase() + text.slice(1)

export const timeOf = (at: Date) => time.format(at)

/** The name of a day, for a separator between days. */
export const dayName = (at: Date): string => {
  const days = daysAgo(at)
  if (days < 2) return capital(relative.format(-days, "day"))
  return days < 7 ? weekday.format(at) : fullDate.format(at)
}

/** A short time for a list: the hour of today, else the day. */
export const shortTime = (at: Date): string => {
  const days = daysAgo(at)
  if (days < 1) return time.format(at)
  return days < 7 ? weekday.format(at).slice(0, 3) : date.format(at)
}

/** When somebody was last online. */
export const lastSeen = (at: Date): string => {
  const days = daysAgo(at)
  const day = days < 2 ? relative.format(-days, "day") : date.format(at)
  return `Last seen ${day}${days < 7 ? `, ${time.format(at)}` : ""}`
}

export const isSameDay = (a: Date, b: Date) => dayOf(a) === dayOf(b)
