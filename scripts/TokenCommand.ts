import { Clock, Config, ConfigProvider, Console, Duration, Effect, Option, Redacted, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { SignJWT } from "jose"
import { UserId } from "../src/domain/User.ts"
import { parseSecrets } from "../src/settings/JwtSecrets.ts"
import { withSecretFiles } from "../src/settings/SecretFiles.ts"

/** The command was not given what it needs; the message says what. */
class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }) {}

const UNITS = { s: "seconds", m: "minutes", h: "hours", d: "days" } as const

/** "1h", "30 minutes" */
const parseDuration = (text: string) => {
  const [, amount, unit] = /^(\d+) ?([smhd])$/.exec(text) ?? []
  const input = amount === undefined ? text : `${amount} ${UNITS[unit as keyof typeof UNITS]}`
  return Duration.fromInput(input as Duration.Input)
}

const flags = {
  user: Flag.Int("user").pipe(
    Flag.withDescription("The id of the user whom the token is for"),
    Flag.withSchema(UserId),
    Flag.optional
  ),
  service: Flag.Boolean("service").pipe(
    Flag.withDescription("Make a token of the application's own backend, which acts for anyone"),
    Flag.withDefault(false)
  ),
  expires: Flag.String("expires").pipe(
    Flag.withDescription('How long the token is good: "1h", "30 minutes"'),
    Flag.withDefault("1h")
  )
}

const config = Config.all({
  secret: Config.option(Config.Redacted("JWT_SECRET")),
  issuer: Config.option(Config.String("JWT_ISSUER")),
  audience: Config.option(Config.String("JWT_AUDIENCE"))
})

/** Mints a token and prints it. */
export const tokenCommand = Command.make(
  "token",
  flags,
  Effect.fnUntraced(function* ({ user, service, expires }) {
    const { secret, issuer, audience } = yield* config.parse(
      withSecretFiles(yield* ConfigProvider.ConfigProvider)
    )
    if (Option.isNone(secret))
      return yield* new Refused({ message: "Set JWT_SECRET to the secret of the server" })
    if (Option.isNone(user) && !service)
      return yield* new Refused({ message: "Name a --user, or ask for --service" })
    const lifetime = parseDuration(expires)
    if (Option.isNone(lifetime)) {
      return yield* new Refused({ message: `--expires ${expires} is not a duration like 1h or "30 minutes"` })
    }
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const jwt = new SignJWT(service ? { scope: "service" } : {})
      .setProtectedHeader({ alg: "HS256" })
      .setIssuedAt(now)
      .setExpirationTime(now + Math.floor(Duration.toSeconds(lifetime.value)))
    if (Option.isSome(user)) jwt.setSubject(String(user.value))
    if (Option.isSome(issuer)) jwt.setIssuer(issuer.value)
    if (Option.isSome(audience)) jwt.setAudience(audience.value)
    yield* Console.log(
      yield* Effect.promise(() =>
        jwt.sign(new TextEncoder().encode(parseSecrets(Redacted.value(secret.value)).first))
      )
    )
  })
).pipe(
  Command.withDescription(
    "Mints a token for development, signed with the first secret of JWT_SECRET, and with JWT_ISSUER and JWT_AUDIENCE where they are set."
  )
)
