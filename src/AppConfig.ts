import { Config, Context, Duration, Effect, Layer, Option, Redacted, Schema } from "effect"

/** A list of names between commas; spaces around them are dropped, empty ones too. */
const names = (variable: string) =>
  Config.String(variable).pipe(
    Config.map((text) =>
      text
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name.length > 0)
    ),
    Config.withDefault([])
  )

const between = (variable: string, minimum: number, maximum: number, byDefault: number) =>
  Config.schema(
    Schema.FiniteFromString.check(
      Schema.isInt({ message: "must be a whole number" }),
      Schema.isBetween({ minimum, maximum }, { message: `must be from ${minimum} to ${maximum}` })
    ),
    variable
  ).pipe(Config.withDefault(byDefault))

const url = (variable: string, protocols: ReadonlyArray<string>, example: string) =>
  Config.schema(
    Schema.Redacted(
      Schema.String.check(
        Schema.makeFilter((text: string) => {
          const message = `must be a URL like ${example}`
          return URL.canParse(text) && protocols.includes(new URL(text).protocol) ? undefined : message
        })
      )
    ),
    variable
  )

/**
 * Every setting of the server, each an environment variable. The README's table says what each means; a
 * value that is missing takes its default, one that is wrong stops the start with a line that names it.
 */
const config = Config.all({
  host: Config.String("HOST").pipe(Config.withDefault("127.0.0.1")),
  port: between("PORT", 0, 65_535, 8000),
  workers: Config.schema(
    Schema.Union([
      Schema.Literal("auto"),
      Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 1024 }))
    ]).annotate({ message: 'must be "auto" or a whole number from 1 to 1024' }),
    "WORKERS"
  ).pipe(Config.withDefault(1)),
  databaseUrl: Config.option(
    url("DATABASE_URL", ["postgresql:", "postgres:"], "postgresql://user:password@localhost:5432/database")
  ),
  databasePoolSize: between("DATABASE_POOL_SIZE", 1, 1000, 10),
  dataDir: Config.String("DATA_DIR").pipe(Config.withDefault("./data")),
  redisUrl: Config.option(url("REDIS_URL", ["redis:", "rediss:"], "redis://localhost:6379")),
  redisCluster: Config.Boolean("REDIS_CLUSTER").pipe(Config.withDefault(false)),
  redisPrefix: Config.String("REDIS_PREFIX").pipe(Config.withDefault("")),
  inboxRetention: Config.Duration("INBOX_RETENTION").pipe(Config.withDefault(Duration.days(30))),
  drainTimeout: Config.Duration("DRAIN_TIMEOUT").pipe(Config.withDefault(Duration.seconds(20))),
  slowReaderTimeout: Config.Duration("SLOW_READER_TIMEOUT").pipe(Config.withDefault(Duration.seconds(30))),
  maxBodyBytes: between("MAX_BODY_BYTES", 1024, 10_485_760, 65_536),
  maxFrameBytes: between("MAX_FRAME_BYTES", 1024, 10_485_760, 65_536),
  maxSocketsPerUser: between("MAX_SOCKETS_PER_USER", 1, 1_000_000, 100),
  maxSockets: between("MAX_SOCKETS", 1, 1_000_000, 20_000),
  logLevel: Config.LogLevel("LOG_LEVEL").pipe(Config.withDefault("Info")),
  logFormat: Config.Literals(["auto", "pretty", "json"], "LOG_FORMAT").pipe(Config.withDefault("auto")),
  corsOrigins: names("CORS_ORIGINS"),
  publicUrl: Config.option(Config.String("PUBLIC_URL")),
  trustedProxies: names("TRUSTED_PROXIES"),
  auth: Config.Literals(["open", "required"], "AUTH").pipe(Config.withDefault("open")),
  jwtSecret: Config.option(
    Config.schema(
      Schema.Redacted(
        Schema.String.check(
          Schema.makeFilter(
            (secret: string) =>
              Buffer.byteLength(secret) >= 32 || "must have at least 32 bytes (try: openssl rand -base64 48)"
          )
        )
      ),
      "JWT_SECRET"
    )
  ),
  jwtPublicKey: Config.option(Config.String("JWT_PUBLIC_KEY")),
  jwtJwksUrl: Config.option(
    Config.schema(
      Schema.String.check(
        Schema.makeFilter((text: string) =>
          /^https?:$/.test(URL.canParse(text) ? new URL(text).protocol : "")
            ? undefined
            : "must be a URL like https://example.com/.well-known/jwks.json"
        )
      ),
      "JWT_JWKS_URL"
    )
  ),
  jwtIssuer: Config.option(Config.String("JWT_ISSUER")),
  jwtAudience: Config.option(Config.String("JWT_AUDIENCE")),
  rateLimits: Config.Literals(["auto", "on", "off"], "RATE_LIMITS").pipe(Config.withDefault("auto")),
  sendsPerSecond: between("SENDS_PER_SECOND", 1, 1_000_000, 20),
  sendsBurst: between("SENDS_BURST", 1, 1_000_000, 200),
  requestsPerSecond: between("REQUESTS_PER_SECOND", 1, 1_000_000, 200)
})

export type Settings = Config.Success<typeof config>

/** The settings of this process, read once at start. */
export class AppConfig extends Context.Service<AppConfig, Settings>()("minichat/AppConfig") {
  static readonly layer = Layer.effect(AppConfig, config)

  /** Settings for a test: the defaults with some replaced. */
  static readonly layerWith = (overrides: Partial<Settings>) =>
    Layer.effect(
      AppConfig,
      Effect.map(config, (settings) => ({ ...settings, ...overrides }))
    )
}

/** A URL from the settings, to hand to a driver. */
export const revealed = (value: Option.Option<Redacted.Redacted>) =>
  Option.getOrUndefined(Option.map(value, Redacted.value))
