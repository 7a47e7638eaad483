import { signal } from "@preact/signals"
import { deviceStorage } from "./storage.ts"

export type Theme = "light" | "dark"

const KEY = "minichat.theme"
const stored = deviceStorage.get(KEY)
const preferred = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"

/** The theme that is shown: what was chosen on this device, or what the system prefers. */
export const theme = signal<Theme>(stored === "light" || stored === "dark" ? stored : preferred)

export const applyTheme = () => {
  document.documentElement.dataset.theme = theme.value
}

export const switchTheme = () => {
  theme.value = theme.value === "dark" ? "light" : "dark"
  deviceStorage.set(KEY, theme.value)
  applyTheme()
}
