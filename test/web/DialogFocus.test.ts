import { existsSync } from "node:fs"
import { assert, describe, expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage, openChat } from "./Pages.ts"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("the focus of dialogs", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("begins at the heading or the first field, and comes back to where it was", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          yield* ask("POST", "/conversations/", {
            json: { user_id: a!.id, kind: "group", title: "Garden", member_ids: [b!.id] }
          })
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          const isAt = (name: string) =>
            expect
              .poll(
                () =>
                  page.evaluate<string>(
                    "(({ tagName, textContent, ariaLabel }) => tagName + ' ' + (ariaLabel ?? textContent.trim()))(document.activeElement)"
                  ),
                { timeout: 30_000 }
              )
              .toBe(name)
          yield* inPage(page, async (page) => {
            const close = () => page.getByRole("button", { name: "Close" }).click()
            const profile = page.getByTitle("Your profile")
            await profile.getByText(a!.display_name).waitFor()
            await profile.click()
            await isAt("H2 Your profile")
            await page.getByRole("button", { name: "Show blocked people" }).click()
            await isAt("H2 Blocked people")
            // The dialog below comes back, and then what opened it.
            await close()
            await isAt("H2 Your profile")
            await page.getByRole("button", { name: "Delete my account" }).click()
            await isAt("H2 Delete your account?")
            await page.getByRole("button", { name: "Keep my account" }).click()
            await isAt("H2 Your profile")
            await page.keyboard.press("Escape")
            await isAt(`BUTTON ${a!.display_name}`)

            await page.getByRole("button", { name: "Shortcuts" }).click()
            await isAt("H2 Shortcuts")
            await close()
            await isAt("BUTTON Shortcuts")
            await page.getByRole("button", { name: "New chat" }).first().click()
            await isAt("INPUT Find a user")
            await close()

            await page.getByRole("button", { name: /Garden/ }).click()
            await page.getByRole("button", { name: "Members" }).click()
            await isAt("H2 Garden")
            await page.getByRole("dialog").getByRole("button", { name: b!.display_name }).first().click()
            await isAt(`H2 ${b!.display_name}`)
            await close()
            await isAt("H2 Garden")
            await close()
            await isAt("BUTTON Members")

            await page.getByRole("button", { name: /hello/ }).click()
            await page.locator(".message").getByText("hello").hover()
            await page.getByRole("button", { name: "Report" }).click()
            await page.getByRole("dialog").waitFor()
            assert.isTrue(
              await page.getByLabel(/What is wrong with it/).evaluate((field) => field.matches(":focus"))
            )
          })
          assert.deepEqual(complaints, [])
        })
      )
    })
  })
})
