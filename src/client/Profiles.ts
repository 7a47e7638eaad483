import type { User } from "../domain/User.ts"
import type { Draft } from "./Draft.ts"

type Shown = Pick<User, "display_name" | "avatar_url">

/** What is shown of a user, with the profile that it has now. */
const withProfile = <Place extends Shown>(
  { avatar_url: _, ...place }: Place,
  { display_name, avatar_url }: Shown
) => ({ ...place, display_name, ...(avatar_url === undefined ? {} : { avatar_url }) })

/** Applies that the profile of a user changed: the own one, in the list of conversations, and among the members that are loaded. */
export const applyProfile = (draft: Draft, user: User) => {
  if (draft.state.profile?.id === user.id) draft.state.profile = user
  for (const { id, with: peer } of [...draft.state.conversations.values()]) {
    if (peer?.user_id === user.id) draft.change(id, (known) => ({ ...known, with: withProfile(peer, user) }))
  }
  for (const [id, members] of [...draft.state.members]) {
    const member = members.get(user.id)
    if (member !== undefined)
      draft.members().set(id, new Map(members).set(user.id, withProfile(member, user)))
  }
}
