import { Schema } from "effect"

/** There is no conversation with this id. */
export class ConversationNotFound extends Schema.TaggedError<ConversationNotFound>()(
  "ConversationNotFound",
  {}
) {}

/** The user is not a member of the conversation. */
export class NotMember extends Schema.TaggedError<NotMember>()("NotMember", {}) {}

/** The role of the user does not allow this. */
export class RoleForbids extends Schema.TaggedError<RoleForbids>()("RoleForbids", {}) {}

/** The conversation is a direct one: it has two members for ever, and no title. */
export class NotAGroup extends Schema.TaggedError<NotAGroup>()("NotAGroup", {}) {}

/** There are no users with these ids. */
export class MembersNotFound extends Schema.TaggedError<MembersNotFound>()("MembersNotFound", {
  userIds: Schema.Array(Schema.Finite)
}) {}

/** The group has as many members as a group may have. */
export class GroupFull extends Schema.TaggedError<GroupFull>()("GroupFull", { maximum: Schema.Finite }) {}
