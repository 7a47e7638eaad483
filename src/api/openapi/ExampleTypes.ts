import type { Schema } from "effect"
import type { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"

export interface InvalidField {
  readonly path: ReadonlyArray<string>
  readonly message: string
}

export interface OperationExamples {
  readonly request?: unknown
  /** By status. */
  readonly answers: Readonly<Record<number, unknown>>
  /** A field that does not decode, and its message in the 422. */
  readonly invalidField?: InvalidField
  /** The problems that this endpoint words otherwise than the others, by their `_tag`. */
  readonly problems?: Readonly<Record<string, unknown>>
}

/** What one endpoint needs: bodies in the encoded shape of the contract, and a bad field where it takes any field. */
type ExamplesOf<Endpoint> = Endpoint extends HttpApiEndpoint.ConstraintRequest
  ? OperationExamples & {
      readonly answers: Readonly<Record<number, Wire<Endpoint["~Success"]>>>
    } & Given<Endpoint["~Payload"], { readonly request: Wire<Endpoint["~Payload"]> }> &
      Given<Endpoint["~Payload" | "~Query" | "~Params"], { readonly invalidField: InvalidField }>
  : never

/** A body as JSON carries it. An endpoint wraps its schemas into codecs, which know their encoded side as any JSON. */
type Wire<Body> =
  Body extends HttpApiSchema.StreamNdjson<infer Line>
    ? Line["Encoded"]
    : Body extends Schema.toCodecJson<infer Inner>
      ? Inner["Encoded"]
      : never

type Given<Input extends Schema.Constraint, Needed> = [Input["Type"]] extends [never] ? unknown : Needed

type Operation<Group> = Group extends HttpApiGroup.Constraint
  ? OperationIn<Group["identifier"], HttpApiGroup.Endpoints<Group>>
  : never

type OperationIn<Group extends string, Endpoint> = Endpoint extends HttpApiEndpoint.Constraint
  ? { readonly id: `${Group}.${Endpoint["identifier"]}`; readonly endpoint: Endpoint }
  : never

/** Examples of each endpoint of the groups, by its operation id. A missing one fails to compile. */
export type Examples<Groups> = {
  readonly [Each in Operation<Groups> as Each["id"]]: ExamplesOf<Each["endpoint"]>
}
