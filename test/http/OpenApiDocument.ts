import { Effect } from "effect"
import type { OpenApi } from "effect/http-api"
import { ChatServer } from "./ChatServer.ts"

export interface MediaType {
  readonly schema: Record<string, unknown>
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

interface Parameter extends OpenApi.OpenAPISpecParameter {
  readonly schema: {
    readonly type: string
    readonly minimum: number
    readonly maximum?: number
    readonly format?: string
  }
}

export interface Operation
  extends Omit<OpenApi.OpenAPISpecOperation, "responses" | "requestBody" | "parameters"> {
  readonly path: string
  readonly method: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> }
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, MediaType>> }>
  >
}

/** What `/openapi.json` says. */
export const document = Effect.flatMap(ChatServer, ({ ask }) =>
  Effect.map(ask("GET", "/openapi.json"), ({ json }) => json as OpenApi.OpenAPISpec)
)

const operationsOf = (spec: OpenApi.OpenAPISpec) =>
  Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => ({ ...operation, path, method }) as unknown as Operation
    )
  )

/** Every operation that it describes. */
export const operations = Effect.map(document, operationsOf)

/** What it says of each webhook, by type. */
export const webhooks = Effect.map(
  document,
  (spec) =>
    (spec as unknown as { readonly webhooks: Readonly<Record<string, { readonly post: Operation }>> })
      .webhooks
)

export const examplesOf = ({ example, examples }: MediaType) =>
  examples === undefined ? [example] : Object.values(examples).map(({ value }) => value)
