import { Context, Effect, Layer } from "effect"
import { MemoryTables } from "./MemoryTables.ts"
import type { ProfileCalls } from "./ProfileCalls.ts"
import { profilesInMemory } from "./ProfilesInMemory.ts"
import * as Profiles from "./ProfilesInSql.ts"

/** The profiles of users, and the users that are made by their external id: see `ProfileCalls`. */
export class ProfileRepo extends Context.Service<ProfileRepo, ProfileCalls>()("minichat/repo/ProfileRepo") {
  static readonly layer = Layer.effect(ProfileRepo, Profiles.make)

  static readonly layerMemory = Layer.effect(ProfileRepo, Effect.map(MemoryTables, profilesInMemory)).pipe(
    Layer.provide(MemoryTables.layer)
  )
}
