import { execFile } from "node:child_process"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, FileSystem, Layer, Option, Redacted } from "effect"
import { Command } from "effect/cli"
import { TestConsole } from "effect/testing"
import { tokenCommand } from "../../scripts/TokenCommand.ts"
import { Tokens } from "../../src/access/Tokens.ts"
import { settings } from "../support/Services.ts"
import { AUDIENCE, ISSUER } from "./support/Tokens.ts"

const SECRET = "a secret of at least thirty-two bytes"
const ROOT = join(import.meta.dirname, "../..")

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** `npm run token -- …` */
const token = (args: ReadonlyArray<string>, env: Record<string, string>) =>
  Effect.callback<Ran>((resume) => {
    const options = { cwd: ROOT, env: { PATH: process.env.PATH, ...env } }
    const child = execFile(process.execPath, ["scripts/token.ts", ...args], options, (_, stdout, stderr) =>
      resume(Effect.succeed({ code: child.exitCode ?? -1, stdout, stderr }))
    )
  })

const server = Effect.map(
  Layer.build(
    Layer.provide(
      Tokens.layer,
      settings({
        auth: "required",
        jwtSecret: Option.some(Redacted.make(SECRET)),
        jwtIssuer: Option.some(ISSUER),
        jwtAudience: Option.some(AUDIENCE)
      })
    )
  ),
  Context.get(Tokens)
)

const environment = { JWT_SECRET: SECRET, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE }

describe("npm run token", { timeout: 90_000 }, () => {
  it.live("mints tokens that the server takes, for a user and for the application's backend", () =>
    Effect.gen(function* () {
      const { verify } = yield* server
      const [user, service] = yield* Effect.all(
        [
          token(["--user", "7", "--expires", "30 minutes"], environment),
          token(["--service", "--expires", "2h"], environment)
        ],
        { concurrency: 2 }
      )
      assert.deepStrictEqual([user.code, service.code], [0, 0])
      const [asUser, asService] = [yield* verify(user.stdout.trim()), yield* verify(service.stdout.trim())]
      assert.deepStrictEqual(asUser.caller, { _tag: "Member", userId: 7 as never })
      assert.deepStrictEqual(asService.caller, { _tag: "Service" })
      const minutesLeft = (expiresAt: number | undefined) => (Number(expiresAt) - Date.now() / 1000) / 60
      assert.approximately(minutesLeft(asUser.expiresAt), 30, 2)
      assert.approximately(minutesLeft(asService.expiresAt), 120, 2)
    })
  )

  it.live("signs with the first of several secrets, which may stand in a file", () =>
    Effect.gen(function* () {
      const { verify } = yield* server
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(file, `${SECRET}\nanother secret of at least thirty-two bytes\n`)
      const { JWT_SECRET: _, ...others } = environment
      const { stdout } = yield* token(["--user", "7"], { ...others, JWT_SECRET_FILE: file })
      assert.strictEqual((yield* verify(stdout.trim())).caller._tag, "Member")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("ends with an error where something is missing, says so, and prints no token", () =>
    Effect.gen(function* () {
      const { code, stdout, stderr } = yield* token(["--user", "7"], {})
      assert.match(stderr, /JWT_SECRET/)
      assert.notStrictEqual(code, 0)
      assert.notMatch(stdout, /eyJ/)
    })
  )

  it.effect.each<[says: RegExp, args: ReadonlyArray<string>, environment: Record<string, string>]>([
    [/JWT_SECRET/, ["--user", "7"], {}],
    [/--user.*--service/, [], environment],
    [/--expires soon is not a duration/, ["--user", "7", "--expires", "soon"], environment]
  ])("says %s where that is missing or wrong, and prints nothing", ([says, args, environment]) =>
    Effect.gen(function* () {
      const refusal = yield* Effect.flip(Command.runWith(tokenCommand, { version: "" })(args)).pipe(
        Effect.provide(NodeServices.layer),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
      )
      assert.strictEqual(refusal._tag, "Refused")
      assert.match(refusal.message, says)
      assert.isEmpty(yield* TestConsole.logLines)
    })
  )
})
