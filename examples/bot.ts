// A bot that answers. It may be stopped and started at any time: each message is answered once.
//   MINI_CHAT_URL=http://localhost:8000 BOT_ID=2 node bot.ts
import { connect, fileStorage } from "mini-chat/client"

const {
  MINI_CHAT_URL = "http://localhost:8000",
  BOT_ID = "2",
  BOT_TOKEN,
  BOT_FOLDER = "./bot-data"
} = process.env

const chat = await connect({
  url: MINI_CHAT_URL,
  userId: Number(BOT_ID),
  storage: fileStorage(BOT_FOLDER),
  ...(BOT_TOKEN === undefined ? {} : { token: BOT_TOKEN })
})

for await (const event of chat.events()) {
  if (event.type !== "message" || event.conversation_id === undefined || event.content === "") continue
  // At most 1,000 characters. `slice` of a string would cut emoji in two, and such text is refused.
  const answer = [...`You said: ${event.content}`].slice(0, 1000).join("")
  await chat.send({ conversationId: event.conversation_id }, answer, {
    replyTo: event.id,
    // After a crash the event comes again, and the message is answered with the same client_id: it is sent once.
    clientId: `answer to ${event.id}`
  })
}
