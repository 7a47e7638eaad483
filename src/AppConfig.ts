import {
  Config,
  ConfigProvider,
  Context,
  Duration,
  Effect,
  Layer,
  Option,
  Redacted,
  Result,
  Schema
} from "effect"
import { IpInterface, IpNetwork } from "effect/net"
import { parseRedisUrl } from "./RedisUrl.ts"
import { readDatabaseUrl } from "./settings/DatabaseUrl.ts"
import { isLongEnough } from "./settings/JwtSecrets.ts"
import { parseOriginPattern } from "./settings/OriginPattern.ts"
import { peopleSettings } from "./settings/PeopleSettings.ts"
import { fileOf, SECRETS, withSecretFiles } from "./settings/SecretFiles.ts"
import { webhookSecrets, webhookUrls } from "./settings/WebhookSettings.ts"

const split = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item.length > 0)

/** A text that passes a check. The check answers true, or the requirement for the error message. */
const text = (variable: string, check: (text: string) => true | string) =>
  Config.schema(Schema.String.check(Schema.makeFilter(check)), variable)

/** A list between commas; spaces around its items are dropped, empty items too. */
const list = (variable: string, isItem: (item: string) => boolean, items: string) =>
  text(variable, (text) => {
    const wrong = split(text).find((item) => !isItem(item))
    return wrong === undefined || `must be ${items}, between commas; "${wrong}" is not one`
  }).pipe(Config.map(split), Config.withDefault([]))

const isWebUrl = (text: string) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

/** A network in CIDR notation, or an address as the network of itself. */
export const networkFrom = (text: string): Option.Option<IpNetwork.IpNetwork> =>
  Option.map(Result.getSuccess(IpInterface.fromString(text, { prefix: "optional" })), IpNetwork.fromInterface)

const webUrl = (variable: string, example: string) =>
  text(variable, (text) => isWebUrl(text) || `must be a URL like ${example}`)

const duration = (
  variable: string,
  byDefault: Duration.Duration,
  isAllowed: (duration: Duration.Duration) => boolean,
  allowed: string
) =>
  text(
    variable,
    (text) => Option.exists(Duration.fromInput(text as Duration.Input), isAllowed) || `must be ${allowed}`
  ).pipe(
    Config.map((text) => Duration.fromInputUnsafe(text as Duration.Input)),
    Config.withDefault(byDefault)
  )

/** A time limit; it cannot be infinite. */
const timeout = (variable: string, byDefault: Duration.Duration) =>
  duration(
    variable,
    byDefault,
    Duration.between({ minimum: Duration.millis(1), maximum: Duration.hours(1) }),
    'a time from "1 millis" to "1 hour"'
  )

const isWholeNumber = (text: string, minimum: number, maximum: number) =>
  /^\d+$/.test(text) && Number(text) >= minimum && Number(text) <= maximum

const between = (variable: string, minimum: number, maximum: number, byDefault: number) =>
  text(
    variable,
    (text) => isWholeNumber(text, minimum, maximum) || `must be a whole number from ${minimum} to ${maximum}`
  ).pipe(Config.map(Number), Config.withDefault(byDefault))

/** A text that may hold a password. */
const secret = (variable: string, check: (text: string) => true | string) =>
  Config.schema(Schema.Redacted(Schema.String.check(Schema.makeFilter(check))), variable)

/** A URL that may hold a password. */
const secretUrl = (variable: string, isUrl: (text: string) => boolean, example: string) =>
  secret(variable, (text) => isUrl(text) || `must be a URL like ${example}`)

const url = (variable: string, protocols: ReadonlyArray<string>, example: string) =>
  secretUrl(variable, (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), example)

/**
 * Every setting of the server, each an environment variable: see docs/CONFIGURATION.md. A missing value takes its default; a wrong
 * one stops the start with a line that names it.
 */
const config = Config.all({
  host: Config.String("HOST").pipe(Config.withDefault("127.0.0.1")),
  port: between("PORT", 0, 65_535, 8000),
  workers: Config.schema(
    Schema.String.check(
      Schema.makeFilter(
        (text: string) =>
          text === "auto" || isWholeNumber(text, 1, 1024) || 'must be "auto" or a whole number from 1 to 1024'
      )
    ),
    "WORKERS"
  ).pipe(
    Config.map((text) => (text === "auto" ? text : Number(text))),
    Config.withDefault(1)
  ),
  databaseUrl: Config.option(
    secret("DATABASE_URL", (text) =>
      Result.match(readDatabaseUrl(text), { onFailure: (problem) => problem, onSuccess: () => true as const })
    )
  ),
  /** Read again for each connection: the password may change. */
  databaseUrlFile: Config.option(Config.String("DATABASE_URL_FILE")),
  databasePoolSize: between("DATABASE_POOL_SIZE", 1, 1000, 10),
  databaseConnectTimeout: timeout("DATABASE_CONNECT_TIMEOUT", Duration.seconds(15)),
  databaseFailover: Config.Literals(["lossy", "lossless"], "DATABASE_FAILOVER").pipe(
    Config.withDefault("lossy")
  ),
  dataDir: Config.String("DATA_DIR").pipe(Config.withDefault("./data")),
  redisUrl: Config.option(
    secretUrl("REDIS_URL", (text) => Option.isSome(parseRedisUrl(text)), "redis://localhost:6379")
  ),
  redisUrlFile: Config.option(Config.String("REDIS_URL_FILE")),
  redisCluster: Config.Boolean("REDIS_CLUSTER").pipe(Config.withDefault(false)),
  redisPrefix: text(
    "REDIS_PREFIX",
    (text) =>
      !/[{}]/.test(text) || "must have no braces: in a cluster, they would choose the shard of every key"
  ).pipe(Config.withDefault("")),
  inboxRetention: duration(
    "INBOX_RETENTION",
    Duration.days(30),
    Duration.between({ minimum: Duration.seconds(1), maximum: Duration.days(36_500) }),
    'a time from "1 second" to "36500 days"'
  ),
  drainDelay: duration(
    "DRAIN_DELAY",
    Duration.zero,
    Duration.between({ minimum: Duration.zero, maximum: Duration.hours(1) }),
    'a time from "0 seconds" to "1 hour"'
  ),
  drainTimeout: duration(
    "DRAIN_TIMEOUT",
    Duration.seconds(20),
    Duration.between({ minimum: Duration.zero, maximum: Duration.hours(1) }),
    'a time from "0 seconds" to "1 hour"'
  ),
  slowReaderTimeout: timeout("SLOW_READER_TIMEOUT", Duration.seconds(30)),
  headersTimeout: timeout("HEADERS_TIMEOUT", Duration.seconds(15)),
  requestTimeout: timeout("REQUEST_TIMEOUT", Duration.seconds(30)),
  keepAliveTimeout: timeout("KEEP_ALIVE_TIMEOUT", Duration.seconds(65)),
  maxBodyBytes: between("MAX_BODY_BYTES", 1024, 10_485_760, 65_536),
  maxFrameBytes: between("MAX_FRAME_BYTES", 1024, 10_485_760, 65_536),
  maxFrameFragments: between("MAX_FRAME_FRAGMENTS", 1, 65_536, 64),
  maxSocketsPerUser: between("MAX_SOCKETS_PER_USER", 1, 1_000_000, 100),
  maxSockets: between("MAX_SOCKETS", 1, 1_000_000, 20_000),
  maxGroupMembers: between("MAX_GROUP_MEMBERS", 2, 1000, 1000),
  logLevel: Config.LogLevel("LOG_LEVEL").pipe(Config.withDefault("Info")),
  logFormat: Config.Literals(["auto", "pretty", "json"], "LOG_FORMAT").pipe(Config.withDefault("auto")),
  otlpEndpoint: Config.option(
    url("OTEL_EXPORTER_OTLP_ENDPOINT", ["http:", "https:"], "http://localhost:4318")
  ),
  otlpHeaders: Config.Record(Schema.String, Schema.StringFromUriComponent, "OTEL_EXPORTER_OTLP_HEADERS").pipe(
    Config.withDefault({}),
    Config.map((headers) => Redacted.make(headers))
  ),
  otlpProtocol: Config.Literals(["http/protobuf", "http/json"], "OTEL_EXPORTER_OTLP_PROTOCOL").pipe(
    Config.withDefault("http/protobuf")
  ),
  serviceName: Config.String("OTEL_SERVICE_NAME").pipe(Config.withDefault("minichat")),
  tracesSampled: Config.schema(
    Schema.FiniteFromString.check(
      Schema.isBetween({ minimum: 0, maximum: 1 }, { message: "must be from 0 to 1" })
    ),
    "OTEL_TRACES_SAMPLER_ARG"
  ).pipe(Config.withDefault(1)),
  page: Config.Literals(["on", "off"], "PAGE").pipe(Config.withDefault("on")),
  corsOrigins: list(
    "CORS_ORIGINS",
    (text) => Option.isSome(parseOriginPattern(text)),
    "origins like https://app.example.com, https://*.example.com or capacitor://localhost"
  ),
  publicUrl: Config.option(webUrl("PUBLIC_URL", "https://chat.example.com")),
  trustedProxies: list(
    "TRUSTED_PROXIES",
    (text) => Option.isSome(networkFrom(text)),
    "addresses or networks like 10.0.0.0/8"
  ).pipe(Config.map((items) => items.flatMap((item) => Option.toArray(networkFrom(item))))),
  auth: Config.Literals(["open", "required"], "AUTH").pipe(Config.withDefault("open")),
  jwtSecret: Config.option(
    Config.schema(
      Schema.Redacted(
        Schema.String.check(
          Schema.makeFilter(
            (secret: string) =>
              isLongEnough(secret) || "must have at least 32 bytes (try: openssl rand -base64 48)"
          )
        )
      ),
      "JWT_SECRET"
    )
  ),
  jwtPublicKey: Config.option(Config.String("JWT_PUBLIC_KEY")),
  jwtJwksUrl: Config.option(webUrl("JWT_JWKS_URL", "https://example.com/.well-known/jwks.json")),
  jwtIssuer: Config.option(Config.String("JWT_ISSUER")),
  jwtAudience: Config.option(Config.String("JWT_AUDIENCE")),
  webhookUrls: text("WEBHOOK_URL", webhookUrls.check).pipe(
    Config.map(webhookUrls.parse),
    Config.withDefault([])
  ),
  webhookSecrets: Config.schema(
    Schema.Redacted(Schema.String.check(Schema.makeFilter(webhookSecrets.check))),
    "WEBHOOK_SECRET"
  ).pipe(
    Config.map((text) => webhookSecrets.parse(Redacted.value(text)).map((secret) => Redacted.make(secret))),
    Config.withDefault([])
  ),
  ...peopleSettings,
  rateLimits: Config.Literals(["auto", "on", "off"], "RATE_LIMITS").pipe(Config.withDefault("auto")),
  sendsPerSecond: between("SENDS_PER_SECOND", 1, 1_000_000, 20),
  sendsBurst: between("SENDS_BURST", 1, 1_000_000, 200),
  searchesPerSecond: between("SEARCHES_PER_SECOND", 1, 1_000_000, 5),
  searchesBurst: between("SEARCHES_BURST", 1, 1_000_000, 30),
  groupsPerMinute: between("GROUPS_PER_MINUTE", 1, 1_000_000, 10),
  groupsBurst: between("GROUPS_BURST", 1, 1_000_000, 30),
  reactionsPerSecond: between("REACTIONS_PER_SECOND", 1, 1_000_000, 10),
  reactionsBurst: between("REACTIONS_BURST", 1, 1_000_000, 100),
  typingPerSecond: between("TYPING_PER_SECOND", 1, 1_000_000, 10),
  typingBurst: between("TYPING_BURST", 1, 1_000_000, 50),
  requestsPerSecond: between("REQUESTS_PER_SECOND", 1, 1_000_000, 200)
})

export type Settings = Config.Success<typeof config>

/** The settings of this process, read once at start. */
export class AppConfig extends Context.Service<AppConfig, Settings>()("minichat/AppConfig") {
  static readonly layer = Layer.effect(
    AppConfig,
    Effect.flatMap(ConfigProvider.ConfigProvider, (provider) => config.parse(withSecretFiles(provider)))
  )

  /** Settings for a test: the defaults with some replaced. */
  static readonly layerWith = (overrides: Partial<Settings>) =>
    Layer.effect(
      AppConfig,
      Effect.map(config, (settings) => ({ ...settings, ...overrides }))
    )
}

/** The names of all settings: those that are read from an empty environment. */
export const settingNames = Effect.gen(function* () {
  const names = new Set(SECRETS.map(fileOf))
  const nothing = ConfigProvider.make(([name]) =>
    Effect.sync(() => {
      names.add(String(name))
      return undefined
    })
  )
  yield* config.parse(nothing)
  return names
})

/** A URL from the settings, to hand to a driver. */
export const revealed = (value: Option.Option<Redacted.Redacted>) =>
  Option.getOrUndefined(Option.map(value, Redacted.value))
