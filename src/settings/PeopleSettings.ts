import { Config } from "effect"

/** How tokens name users, and whom these may look up. Each is an environment variable; docs/PEOPLE.md says what each means. */
export const peopleSettings = {
  jwtSubject: Config.Literals(["id", "external"], "JWT_SUBJECT").pipe(Config.withDefault("id")),
  jwtUserClaim: Config.String("JWT_USER_CLAIM").pipe(Config.withDefault("sub")),
  jwtProvision: Config.Boolean("JWT_PROVISION").pipe(Config.withDefault(false)),
  userDirectory: Config.Literals(["all", "exact", "shared", "none"], "USER_DIRECTORY").pipe(
    Config.withDefault("all")
  )
}
