import { Effect, Option } from "effect"
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose"
import type { Settings } from "../../../src/AppConfig.ts"
import { freshEmbedded } from "../../support/EmbeddedPool.ts"
import { startServer } from "../../support/TestServer.ts"
import { keyEndpoint } from "./KeyEndpoint.ts"
import { bearer } from "./Server.ts"

export const seconds = () => Math.floor(Date.now() / 1000)

export const uuid = "9b2d7f0e-3f43-4a1c-8f0e-0d6a3b1c2d3e"

export interface Provider {
  readonly alg: "RS256" | "ES256"
  readonly header: Readonly<Record<string, string>>
  readonly claims: JWTPayload
  /** What there is of the user after its first token, beside id and time. */
  readonly user: {
    readonly username: string | RegExp
    readonly display_name: string | RegExp
    readonly avatar_url?: string
  }
}

/** Access tokens as the providers issue them. */
export const providers: { readonly [name in "Auth0" | "Keycloak" | "Supabase" | "Firebase"]: Provider } = {
  Auth0: {
    alg: "RS256",
    header: { typ: "at+jwt" },
    claims: {
      iss: "https://example.eu.auth0.com/",
      sub: "auth0|64f1c2a9b7",
      aud: ["https://chat.example.com", "https://example.eu.auth0.com/userinfo"],
      azp: "aBcD1234",
      scope: "openid profile email offline_access",
      gty: "password",
      "https://example.com/roles": ["admin"]
    },
    user: { username: /^user[0-9a-z]{10}$/, display_name: /^user[0-9a-z]{10}$/ }
  },
  Keycloak: {
    alg: "RS256",
    header: { typ: "JWT" },
    claims: {
      iss: "https://id.example.com/realms/main",
      sub: uuid,
      aud: "account",
      azp: "chat-web",
      typ: "Bearer",
      session_state: uuid,
      realm_access: { roles: ["offline_access", "uma_authorization"] },
      resource_access: { account: { roles: ["manage-account"] } },
      scope: "openid email profile",
      email_verified: true,
      name: "Alice Liddell",
      preferred_username: "alice",
      email: "alice@example.com"
    },
    user: { username: "alice", display_name: "Alice Liddell" }
  },
  Supabase: {
    alg: "ES256",
    header: { typ: "JWT" },
    claims: {
      iss: "https://abc.supabase.co/auth/v1",
      sub: uuid,
      aud: "authenticated",
      role: "authenticated",
      aal: "aal1",
      amr: [{ method: "password", timestamp: 1700000000 }],
      session_id: uuid,
      email: "alice@example.com",
      phone: "",
      is_anonymous: false,
      app_metadata: { provider: "email", providers: ["email"] },
      user_metadata: {
        full_name: "Alice Liddell",
        avatar_url: "https://example.com/alice.png",
        email_verified: true
      }
    },
    user: {
      username: "AliceLiddell",
      display_name: "Alice Liddell",
      avatar_url: "https://example.com/alice.png"
    }
  },
  Firebase: {
    alg: "RS256",
    header: { typ: "JWT" },
    claims: {
      iss: "https://securetoken.google.com/chat-1234",
      aud: "chat-1234",
      sub: "kZ3vQ0aXyTgB5rLs1nWmPqEeFh82",
      user_id: "kZ3vQ0aXyTgB5rLs1nWmPqEeFh82",
      auth_time: 1700000000,
      name: "Alice",
      picture: "https://example.com/alice.png",
      email: "alice@example.com",
      firebase: { identities: { email: ["alice@example.com"] }, sign_in_provider: "password" }
    },
    user: { username: "Alice", display_name: "Alice", avatar_url: "https://example.com/alice.png" }
  }
}

const pairs = {
  RS256: generateKeyPair("RS256", { extractable: true }),
  ES256: generateKeyPair("ES256", { extractable: true })
}

/** A provider that signs, and a server that knows of it by its key endpoint alone. */
export const withProvider = Effect.fnUntraced(function* (
  { alg, header, claims }: Provider,
  settings: Partial<Settings> = {}
) {
  const { privateKey, publicKey } = yield* Effect.promise(() => pairs[alg])
  const jwk = yield* Effect.promise(() => exportJWK(publicKey))
  const other = yield* Effect.promise(async () => exportJWK((await pairs.RS256).publicKey))
  const keys = yield* keyEndpoint([
    { ...other, kid: "enc", use: "enc", alg: "RSA-OAEP" },
    { ...jwk, kid: "sig", use: "sig", alg }
  ])
  const start = startServer({
    ...(yield* freshEmbedded),
    auth: "required",
    jwtJwksUrl: Option.some(keys.url),
    jwtSubject: "external",
    ...settings
  })
  const server = yield* start
  const mint = (changes: { readonly [claim in string]: unknown } = {}) =>
    Effect.promise(() =>
      new SignJWT({ iat: seconds(), exp: seconds() + 3600, ...claims, ...changes })
        .setProtectedHeader({ ...header, alg, kid: "sig" })
        .sign(privateKey)
    )
  return { server, start, mint, service: bearer(yield* mint({ sub: "backend", scope: "service" })) }
})
