import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"

const ROOT = join(import.meta.dirname, "../..")
const DOCS = readFileSync(join(ROOT, "docs/CLIENT.md"), "utf8")

/** What the application has of its own. */
const APPLICATION = `
  import type { ConversationEntry } from "mini-chat/client"
  declare const fetchToken: () => Promise<string>
  declare const render: (conversations: ReadonlyArray<ConversationEntry>) => void
`

/** What the compiler says of a program; the empty text when it has nothing to say. */
const checked = (program: string) =>
  Effect.callback<string>((resume) => {
    const folder = mkdtempSync(join(tmpdir(), "client-docs-"))
    const config = {
      extends: join(ROOT, "examples/tsconfig.json"),
      compilerOptions: {
        noEmit: true,
        noUnusedLocals: false,
        typeRoots: [join(ROOT, "node_modules/@types")],
        paths: { "mini-chat/client": [join(ROOT, "src/client/MiniChat.ts")] }
      },
      include: ["docs.mts"]
    }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
    writeFileSync(join(folder, "docs.mts"), program)
    execFile(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder], (_, stdout, stderr) => {
      rmSync(folder, { recursive: true })
      resume(Effect.succeed(stdout + stderr))
    })
  })

it.live(
  "the examples in the client's documentation compile, one after the other",
  () =>
    Effect.gen(function* () {
      const examples = [...DOCS.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!)
      assert.isAtLeast(examples.length, 5)
      assert.strictEqual(yield* checked(APPLICATION + examples.join("\n")), "")
    }),
  120_000
)
