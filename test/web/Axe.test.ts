import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import type { User } from "../../src/domain/User.ts"
import { type Ask, ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { makeKeys } from "../security/support/Tokens.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { startServer } from "../support/TestServer.ts"
import { Chromium, faultsOf, inPage, openChat, write } from "./Pages.ts"

/** Every look that a person may have the page in. */
const LOOKS = (["light", "dark"] as const).flatMap((colorScheme) =>
  (
    [
      ["on a desktop", { width: 1500, height: 800 }],
      ["on a phone", { width: 360, height: 740 }]
    ] as const
  ).map(([device, viewport]) => ({ colorScheme, device, viewport }))
)

type Look = (typeof LOOKS)[number]

/** Opens the page in a look. What fades in has the colours of its end at once. */
const openIn = ({ colorScheme, viewport }: Look, url: string, userIds: ReadonlyArray<number> = []) =>
  openChat(url, userIds, {
    colorScheme,
    viewport,
    before: (page) => page.emulateMedia({ reducedMotion: "reduce" })
  })

/** What must be scrolled sideways to be seen. */
const TOO_WIDE = `[...document.querySelectorAll("*")]
  .filter((element) => element.scrollWidth > element.clientWidth)
  .filter((element) => element.localName === "html" || ["auto", "scroll"].includes(getComputedStyle(element).overflowX))
  .map((element) => element.localName + "." + element.className)`

/** What leads from one view to the next, by the name of that one. */
type Views = Readonly<Record<string, () => Promise<unknown>>>

/** Goes through views in their order, and gives those that axe finds faults in, or that are too wide. */
const faultyOf = async (page: Page, views: Views) => {
  const faulty: Array<readonly [name: string, faults: string]> = []
  for (const [name, lead] of Object.entries(views)) {
    await lead().catch((cause) => {
      throw new Error(`No way to ${name}`, { cause })
    })
    const faults = await faultsOf(page)
    if (faults !== "[]") faulty.push([name, faults])
    const wide = await page.evaluate<ReadonlyArray<string>>(TOO_WIDE)
    if (wide.length > 0) faulty.push([name, `too wide: ${wide}`])
  }
  return faulty
}

/** A user with a conversation of each kind, and with messages of each kind in them. */
const populated = Effect.gen(function* () {
  const { ask } = yield* ChatServer
  const [me, direct, other, busy, blocked, erased] = yield* newUsers(6)
  const call = (method: string, path: string, json?: Ask["json"]) =>
    Effect.map(ask(method, path, json === undefined ? {} : { json }), (answer) => {
      assert.isBelow(answer.status, 300, `${method} ${path}: ${answer.text}`)
      return answer.json
    })
  const named = { Direct: direct!, Other: other!, Busy: busy!, Blocked: blocked!, Erased: erased! }
  for (const [display_name, { id }] of Object.entries(named))
    yield* call("PATCH", `/users/${id}`, { display_name })
  const react = (user: User, message: { readonly id: number }, emoji: string) =>
    call("PUT", `/messages/${message.id}/reactions/${encodeURIComponent(emoji)}?user_id=${user.id}`)

  const group: { readonly id: number } = yield* call("POST", "/conversations/", {
    user_id: me!.id,
    kind: "group",
    title: "Garden",
    member_ids: [direct!.id, other!.id]
  })
  for (const [user, content] of [
    [direct!, "Who waters the beans?"],
    [other!, "I do"],
    [me!, "Thank you"]
  ] as const)
    yield* call("POST", "/messages/", { sender_id: user.id, conversation_id: group.id, content })
  const { id: last } = yield* call("POST", "/messages/", {
    sender_id: me!.id,
    conversation_id: group.id,
    content: "And who weeds?"
  })
  yield* call("POST", `/conversations/${group.id}/read`, { user_id: other!.id, message_id: last })

  const read = yield* send(busy!, me!, "read")
  yield* call("POST", `/conversations/${read.conversation_id}/read`, { user_id: me!.id, message_id: read.id })
  for (let i = 0; i < 40; i++) yield* send(busy!, me!, `message ${i}`)
  yield* send(blocked!, me!, "hello")
  yield* call("PUT", `/users/${me!.id}/blocks/${blocked!.id}`)
  yield* send(erased!, me!, "goodbye")
  yield* call("DELETE", `/users/${erased!.id}`)

  const foreign = yield* send(direct!, me!, "Look: https://example.com")
  const own = yield* send(me!, direct!, "Nice!")
  const edited = yield* send(me!, direct!, "Ni")
  yield* call("PATCH", `/messages/${edited.id}`, { user_id: me!.id, content: "Nice, with a picture" })
  const deleted = yield* send(direct!, me!, "to be deleted")
  const deletedOwn = yield* send(me!, direct!, "to be deleted as well")
  const answer = (from: User, to: User, content: string, { id }: { readonly id: number }) =>
    call("POST", "/messages/", { sender_id: from.id, receiver_id: to.id, content, reply_to_id: id })
  yield* answer(direct!, me!, "I took it", edited)
  yield* answer(me!, direct!, "Of what?", deleted)
  yield* call("DELETE", `/messages/${deleted.id}?user_id=${direct!.id}`)
  yield* call("DELETE", `/messages/${deletedOwn.id}?user_id=${me!.id}`)
  for (const emoji of ["👍", "❤️"]) yield* react(direct!, own, emoji)
  yield* react(me!, own, "👍")
  yield* react(me!, foreign, "😮")
  return { me: me!, direct: direct!, group, call }
})

/** The views of a user who has conversations. */
const viewsOf = (
  page: Page,
  { me, direct, group, call }: Effect.Success<typeof populated>,
  proxy: Effect.Success<ReturnType<typeof tcpProxy>>
): Views => {
  const button = (name: string | RegExp) => page.getByRole("button", { name })
  const dialog = page.getByRole("dialog")
  const search = page.getByLabel("Search conversations, people and messages")
  const message = (text: string) => page.locator(".message", { hasText: text }).first()
  const text = page.getByLabel(/^Message to/)
  /** Closes a dialog, below which another one waits. */
  const closeUpper = async (lower: string) => {
    await dialog.getByRole("button", { name: "Close" }).press("Enter")
    await page.getByRole("dialog", { name: lower }).waitFor()
  }
  /** Closes the dialog that is open, if there is one. */
  const close = async () => {
    if ((await dialog.count()) > 0) await dialog.getByRole("button", { name: "Close" }).press("Enter")
    await dialog.waitFor({ state: "detached" })
  }
  const toList = async () => {
    await close()
    const back = button("Back to the list")
    if (await back.isVisible()) await back.click()
  }
  const open = async (name: string) => {
    await toList()
    await page.locator(".conversation").filter({ hasText: name }).first().click()
    await page.locator(".heading h2, .empty h2").getByText(name).waitFor()
  }
  const act = async (on: string, action: string) => {
    await close()
    await message(on).focus()
    await message(on).getByRole("toolbar").getByRole("button", { name: action }).press("Enter")
  }
  return {
    "the list": () => page.locator(".conversation").nth(4).waitFor(),
    "what is found": async () => {
      await search.fill("me")
      await page.locator('[aria-label="Search results"][aria-busy="false"]').waitFor()
      await page.locator(".found").first().waitFor()
    },
    "nothing found": async () => {
      await search.fill("nothing has these words")
      await page.getByText(/^Nothing has these words/).waitFor()
    },
    "a conversation": async () => {
      await search.press("Escape")
      await open("Direct")
      await page.locator(".reactions").nth(1).waitFor()
      await page.locator(".gone").nth(1).waitFor()
      await page.locator(".quote").nth(1).waitFor()
    },
    "the actions of a foreign message": async () => {
      await message("https://example.com").focus()
      await page.getByRole("toolbar").waitFor()
    },
    "the actions of an own message": async () => {
      await message("Nice!").focus()
      await message("Nice!").getByRole("toolbar").waitFor()
    },
    "the question before a message is deleted": async () => {
      await act("Nice!", "Delete")
      await page.getByText("Delete for everybody?").waitFor()
    },
    "an answer": async () => {
      await button("Keep").press("Enter")
      await act("https://example.com", "Reply")
      await page.getByText("Reply to Direct: Look").waitFor()
    },
    "an edit": async () => {
      await act("Nice!", "Edit")
      await page.locator(".context").getByText("Editing").waitFor()
    },
    "a text that is too long": async () => {
      await text.press("Escape")
      await text.fill("x".repeat(1001))
      await page.getByText("Too long by").waitFor()
    },
    "a report": async () => {
      await text.fill("")
      await act("https://example.com", "Report")
      await dialog.getByLabel(/What is wrong/).waitFor()
    },
    "a report that was made": async () => {
      await dialog.getByRole("button", { name: "Report" }).click()
      await dialog.getByText("The moderators have it now.").waitFor()
    },
    "a message that the peer refuses": async () => {
      await close()
      await Effect.runPromise(call("PUT", `/users/${direct.id}/blocks/${me.id}`))
      await write(page, "to nobody")
      await page.locator('[data-state="failed"]').getByRole("alert").waitFor()
    },
    "the note of a message that was not sent": async () => {
      await open("Garden")
      await page.locator(".banner").getByText("1 message was not sent.").waitFor()
    },
    "a group": async () => {
      await page.locator(".author").first().waitFor()
      await page.locator('.ticks[data-read="true"]').first().waitFor()
    },
    "who has read a message": async () => {
      await act("And who weeds?", "Who has read it")
      await dialog.getByRole("list", { name: "Not read" }).waitFor()
    },
    "the members": async () => {
      await close()
      await button("Members").click()
      await dialog.getByLabel("Find a user to add").fill("Busy")
      await dialog.getByRole("button", { name: "Add Busy" }).first().waitFor()
    },
    "the question before a member is removed": async () => {
      await dialog.getByRole("button", { name: "Remove Direct" }).click()
      await dialog.getByRole("group", { name: "Remove Direct?" }).waitFor()
    },
    "the question before a group is left": async () => {
      await dialog.getByRole("button", { name: "Keep" }).click()
      await dialog.getByRole("button", { name: "Leave the group" }).click()
      await dialog.getByRole("group", { name: "Leave the group?" }).waitFor()
    },
    "a person": async () => {
      await dialog.getByRole("button", { name: "Stay" }).click()
      await dialog.getByRole("button", { name: "Other" }).first().click()
      await dialog.getByRole("button", { name: "Block Other" }).waitFor()
    },
    "a blocked person": async () => {
      await dialog.getByRole("button", { name: "Block Other" }).click()
      await dialog.getByRole("button", { name: "Unblock" }).waitFor()
    },
    "a new chat": async () => {
      await closeUpper("Garden")
      await toList()
      await page.locator("nav").getByRole("button", { name: "New chat" }).click()
      await dialog.getByRole("checkbox").nth(1).waitFor()
    },
    "a new group": async () => {
      for (const at of [0, 1]) await dialog.getByRole("checkbox").nth(at).check()
      await dialog.getByLabel("Name of the group").waitFor()
    },
    "a new chat with nobody": async () => {
      for (const at of [1, 0]) await dialog.getByRole("checkbox").nth(at).uncheck()
      await dialog.getByLabel("Find a user").fill("nobody has this name")
      await dialog.getByText("Nobody else has a name that begins so.").waitFor()
    },
    "the shortcuts": async () => {
      await close()
      await button("Shortcuts").click()
      await dialog.getByText("This list").waitFor()
    },
    "the profile": async () => {
      await close()
      await page.getByTitle("Your profile").click()
      await dialog.getByLabel("Name that others see").waitFor()
    },
    "the blocked people": async () => {
      await button("Show blocked people").click()
      await dialog.getByRole("button", { name: "Unblock Other" }).waitFor()
    },
    "the question before an account is deleted": async () => {
      await closeUpper("Your profile")
      await button("Delete my account").click()
      await dialog.getByLabel(/Type your username/).waitFor()
    },
    "a blocked conversation": async () => {
      await open("Blocked")
      await page.getByText("You have blocked Blocked.").waitFor()
    },
    "the conversation of a deleted account": async () => {
      await open("Deleted user")
      await page.getByText("This account is deleted.").waitFor()
    },
    "unread messages": async () => {
      await open("Busy")
      await button(/\d new$/).waitFor()
    },
    "the first unread message": async () => {
      await button(/\d new$/).click()
      await page.getByText("New messages").waitFor()
      await button("Newest").waitFor()
    },
    "an error": async () => {
      await toList()
      await page.route(/\/users\/|\/conversations\/$/, (route) => route.abort())
      await search.fill("Busy")
      await page.getByRole("alert").first().waitFor()
    },
    "no connection, and a message that waits": async () => {
      await page.unroute(/\/users\/|\/conversations\/$/)
      await search.press("Escape")
      await open("Garden")
      await Effect.runPromise(proxy.cut)
      await page.getByText("You are offline").waitFor()
      await write(page, "typed offline")
      await page.locator('[data-state="queued"]').getByText("typed offline").waitFor()
    },
    "no connection, in the list": async () => {
      await toList()
      await page.locator('[data-unsent="waiting"]').waitFor()
    },
    "a group that the user is no member of any more": async () => {
      await open("Garden")
      await Effect.runPromise(call("DELETE", `/conversations/${group.id}/members/${me.id}?user_id=${me.id}`))
      await Effect.runPromise(proxy.restore)
      await page.evaluate("dispatchEvent(new Event('online'))")
      await page.getByText("You are no longer in this conversation").waitFor()
      await page.locator('.unsent [data-state="failed"]').waitFor()
    },
    "a suspended user": async () => {
      await Effect.runPromise(call("PUT", `/users/${me.id}/suspension`))
      await page.getByText("Your account is suspended").waitFor()
    }
  }
}

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("axe finds no fault", { timeout: 240_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect.each(LOOKS)("in any view in $colorScheme colours $device", (look) =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const populations = yield* populated
          const proxy = yield* tcpProxy(new URL(server.url))
          const { page } = yield* openIn(look, proxy.url.href, [populations.me.id])
          const faulty = yield* inPage(page, (page) => faultyOf(page, viewsOf(page, populations, proxy)))
          assert.deepEqual(faulty, [])
        })
      )

      it.effect.each(LOOKS)("where somebody begins, in $colorScheme colours $device", (look) =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [user] = yield* newUsers(1)
          const start = yield* openIn(look, server.url)
          const empty = yield* openIn(look, server.url, [user!.id])
          const keys = yield* makeKeys()
          const required = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings })
          const token = yield* openIn(look, required.url)
          const faulty = [
            ...(yield* inPage(start.page, (page) =>
              faultyOf(page, {
                "the users to choose from": () => page.locator(".person").first().waitFor(),
                "nobody found": async () => {
                  await page.getByLabel("Find a user").fill("nobody has this name")
                  await page.getByText("Nobody has a name that begins so.").waitFor()
                },
                "a name that is refused": async () => {
                  await page.getByLabel("Your name").fill("...")
                  await page.getByRole("button", { name: "Create" }).click()
                  await page.getByRole("alert").waitFor()
                }
              })
            )),
            ...(yield* inPage(empty.page, (page) =>
              faultyOf(page, { "no conversations": () => page.getByText("No conversations yet.").waitFor() })
            )),
            ...(yield* inPage(token.page, (page) =>
              faultyOf(page, {
                "the form of a token": () => page.getByLabel("Token").waitFor(),
                "a token that is refused": async () => {
                  await page.getByLabel("Token").fill("abc")
                  await page.getByRole("button", { name: "Sign in" }).click()
                  await page.getByRole("alert").waitFor()
                }
              })
            ))
          ]
          assert.deepEqual(faulty, [])
        })
      )
    })
  })
})
