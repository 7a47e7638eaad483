// A React hook: one client for a user, and what a component shows of its state.
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

/** The state, after each change of it. Read it with `conversationList`, `messagesOf` and the other functions of the package. */
export const useChat = (client: Client): State => useSyncExternalStore(client.subscribe, () => client.state)
