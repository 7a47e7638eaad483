import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { rolldown } from "rolldown"
import { ChatServer, newUsers } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage } from "../web/Pages.ts"
import { openOn } from "./OpenOn.ts"

const bundled = Effect.promise(async () => {
  const build = await rolldown({
    input: join(import.meta.dirname, "ReactPage.tsx"),
    platform: "browser",
    transform: { define: { "process.env.NODE_ENV": '"development"' } },
    logLevel: "warn"
  })
  const { output } = await build.generate({ format: "esm", codeSplitting: false })
  await build.close()
  return output[0].code
})

layer(ChatServer.layer, { excludeTestServices: true })("examples/useChat.tsx", (it) => {
  describe.runIf(existsSync(CHROMIUM))("in a browser", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("shows each message once, by the strict rules of React's development mode", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = (yield* newUsers(2)).map(({ id }) => id)
          const content = yield* bundled
          const open = (user: number, peer: number) =>
            openOn(server.url, user, peer, (page) => page.addScriptTag({ type: "module", content }))
          const pages = [yield* open(a!, b!), yield* open(b!, a!)]

          for (const { page } of pages)
            yield* inPage(page, async (page) => {
              await page.getByText("online", { exact: true }).waitFor()
              await page.getByRole("button", { name: "Send" }).click()
            })
          for (const { page, errors } of pages) {
            yield* inPage(page, async (page) => {
              await page.getByRole("listitem").nth(1).waitFor()
              assert.sameMembers(await page.getByRole("listitem").allTextContents(), [
                `from ${a}`,
                `from ${b}`
              ])
            })
            assert.deepEqual(errors, [])
          }
        })
      )
    })
  })
})
