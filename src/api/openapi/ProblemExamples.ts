import { Schema } from "effect"
import { Unavailable } from "../../domain/Unavailable.ts"
import {
  creationUnavailable,
  groupClientIdConflict,
  registrationUnavailable,
  serviceUnavailable
} from "../ProblemOf.ts"
import * as Problems from "../Problems.ts"
import type { InvalidField } from "./ExampleTypes.ts"

const encode = (problem: { readonly _tag: string; readonly constructor: unknown }) =>
  [problem._tag, Schema.encodeUnknownSync(problem.constructor as Schema.Encoder<unknown>)(problem)] as const

/** The 422 for one bad field. */
export const invalid = (field: InvalidField | undefined): unknown =>
  field === undefined ? undefined : encode(Problems.ValidationFailed.of([field]))[1]

const unavailable = new Unavailable({ dependency: "database", cause: undefined })

/** The problems of the endpoints that word some of them otherwise. */
export const messageProblems = Object.fromEntries([encode(creationUnavailable(unavailable))])
export const groupProblems = Object.fromEntries(
  [creationUnavailable(unavailable), groupClientIdConflict()].map(encode)
)
export const registrationProblems = Object.fromEntries([encode(registrationUnavailable(unavailable))])

/** An example of each problem, by its `_tag`, with its default sentence. */
export const problems: Readonly<Record<string, unknown>> = Object.fromEntries(
  [
    new Problems.UsernameTaken(),
    Problems.UsernameFixed.of("alice"),
    new Problems.Unauthorized(),
    new Problems.Forbidden(),
    new Problems.UserSuspended(),
    new Problems.Blocked(),
    new Problems.UserNotFound(),
    new Problems.SenderNotFound(),
    new Problems.ReceiverNotFound(),
    new Problems.ClientIdConflict(),
    new Problems.ConversationNotFound(),
    new Problems.MessageNotFound(),
    new Problems.QuoteNotFound(),
    Problems.MembersNotFound.of([41, 42]),
    new Problems.NotMember(),
    new Problems.NotAuthor(),
    new Problems.RoleForbids(),
    new Problems.NotAGroup(),
    new Problems.MessageDeleted(),
    new Problems.VersionConflict({ version: 2 }),
    new Problems.TooManyReactions(),
    Problems.GroupFull.of(1000),
    Problems.ContentTooLarge.beyond(65_536),
    new Problems.UnsupportedMediaType(),
    new Problems.UpgradeRequired(),
    new Problems.TooManyRequests({ retry_after_ms: 850 }),
    new Problems.InternalServerError({ request_id: "1k2m9x-4f" }),
    serviceUnavailable(unavailable)
  ].map(encode)
)
