// A React hook: one client for a user, and the state of it in every component.
import { type Client, type ConnectOptions, connect, type State } from "mini-chat/client"
import { useEffect, useState, useSyncExternalStore } from "react"

/** Connects while the component is mounted. `undefined` until what is stored is read. */
export const useClient = (options: ConnectOptions): Client | undefined => {
  const [client, setClient] = useState<Client>()
  const { url, userId } = options
  useEffect(() => {
    let isMounted = true
    const connecting = connect(options)
    connecting.then((connected) => isMounted && setClient(connected))
    return () => {
      isMounted = false
      setClient(undefined)
      connecting.then((connected) => connected.disconnect())
    }
  }, [url, userId])
  return client
}

/** What is selected of the state. The selector must give the same value for the same state. */
export const useChat = <A,>(client: Client, select: (state: State) => A): A =>
  useSyncExternalStore(client.subscribe, () => select(client.state))
