import { directWith, messagesOf } from "mini-chat/client"
import { StrictMode, useEffect } from "react"
import { createRoot } from "react-dom/client"
import { useChat, useClient } from "../../examples/useChat.tsx"

const query = new URLSearchParams(location.search)
const userId = Number(query.get("user"))
const peer = Number(query.get("with"))

const Chat = () => {
  const client = useClient({ url: location.origin, userId })
  return client === undefined ? <p>Loading</p> : <Messages client={client} />
}

const Messages = ({ client }: { client: NonNullable<ReturnType<typeof useClient>> }) => {
  const state = useChat(client)
  const id = directWith(state, peer)?.id
  useEffect(() => {
    if (id !== undefined) client.open(id)
  }, [client, id])
  return (
    <>
      <p>{state.status.type}</p>
      <ol>
        {id !== undefined &&
          messagesOf(state, id).map((message) => <li key={message.id}>{message.content}</li>)}
      </ol>
      <button type="button" onClick={() => client.send({ userId: peer }, `from ${userId}`)}>
        Send
      </button>
    </>
  )
}

const root = document.createElement("main")
document.body.append(root)
createRoot(root).render(
  <StrictMode>
    <Chat />
  </StrictMode>
)
