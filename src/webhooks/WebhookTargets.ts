import { createHash } from "node:crypto"
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import { Webhook } from "standardwebhooks"
import { AppConfig } from "../AppConfig.ts"

/** `WEBHOOK_URL` without a secret to sign with. */
export class WebhookSettingsError extends Schema.TaggedError<WebhookSettingsError>()("WebhookSettingsError", {
  message: Schema.String
}) {}

/** A URL that events are posted to. */
export interface WebhookTarget {
  readonly url: string
  /** Tells targets apart in the database, which does not get to know the URL. */
  readonly hash: string
  /** The URL as logs and lists show it: without its query, which may be a secret. */
  readonly location: string
}

/** Where webhooks go, and what signs them. Built before the database is opened: a start with wrong settings ends at once. */
export class WebhookTargets extends Context.Service<
  WebhookTargets,
  {
    readonly targets: ReadonlyArray<WebhookTarget>
    /**
     * The signatures of a payload, in the form of the header `webhook-signature`: one for each secret, so that a receiver may know any
     * of them. `at` in milliseconds.
     */
    sign(webhookId: string, at: number, payload: string): string
  }
>()("minichat/webhooks/WebhookTargets") {
  static readonly layer = Layer.effect(
    WebhookTargets,
    Effect.gen(function* () {
      const { webhookUrls, webhookSecrets } = yield* AppConfig
      if (webhookUrls.length > 0 && webhookSecrets.length === 0) {
        return yield* new WebhookSettingsError({
          message:
            "WEBHOOK_URL is set without WEBHOOK_SECRET, which signs what is sent there (try: echo whsec_$(openssl rand -base64 32))"
        })
      }
      const signers = webhookSecrets.map((secret) => new Webhook(Redacted.value(secret)))
      return WebhookTargets.of({
        targets: webhookUrls.map(toTarget),
        sign: (webhookId, at, payload) =>
          signers.map((signer) => signer.sign(webhookId, new Date(at), payload)).join(" ")
      })
    })
  )
}

/** The target of a URL of `WEBHOOK_URL`. */
export const toTarget = (url: string): WebhookTarget => {
  const { origin, pathname } = new URL(url)
  return { url, hash: createHash("sha256").update(url).digest("hex"), location: `${origin}${pathname}` }
}
