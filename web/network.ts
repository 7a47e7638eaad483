import { signal } from "@preact/signals"

/** Whether the device has a network, as far as the browser knows. */
export const hasNetwork = signal(navigator.onLine)

const update = () => {
  hasNetwork.value = navigator.onLine
}
addEventListener("online", update)
addEventListener("offline", update)
