import type { PresenceState } from "../src/client/MiniChat.ts"

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" })
const shortWeekday = new Intl.DateTimeFormat(undefined, { weekday: "short" })
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" })
const dateOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" })
const fullDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" })
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" })

const DAY = 86_400_000

const dayOf = (at: Date) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime()

const daysAgo = (at: Date) => Math.round((dayOf(new Date()) - dayOf(at)) / DAY)

const capital = (text: string) => text.charAt(0).toLocaleUpperCase() + text.slice(1)

/** The day, with the year unless it is this one. */
const shortDate = (at: Date) => (at.getFullYear() === new Date().getFullYear() ? date : dateOfYear).format(at)

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
  return days < 7 ? shortWeekday.format(at) : shortDate(at)
}

/** When somebody was last online. */
export const lastSeen = (at: Date): string => {
  const days = daysAgo(at)
  const day = days < 2 ? relative.format(-days, "day") : shortDate(at)
  return `Last seen ${day}${days < 7 ? `, ${time.format(at)}` : ""}`
}

/** Whether somebody is online. Without a connection nobody knows: the line stays empty, and keeps its height. */
export const presenceText = (presence: PresenceState | undefined): string => {
  if (presence === undefined) return "\u00a0"
  if (presence.online) return "Online"
  return presence.last_seen === null ? "Offline" : lastSeen(new Date(presence.last_seen))
}

export const isSameDay = (a: Date, b: Date) => dayOf(a) === dayOf(b)
