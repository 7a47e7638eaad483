/** The browser that the docs pages are looked at with; without it those tests do not run. */
export const CHROMIUM = "/usr/bin/chromium"
