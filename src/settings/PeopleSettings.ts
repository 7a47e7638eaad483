import { Config } from "effect"

/** How tokens name users, and which users they may look up. Each is an environment variable: see docs/PEOPLE.md. */
export const peopleSettings = {
  jwtSubject: Config.Literals(["id", "external"], "JWT_SUBJECT").pipe(Config.withDefault("id")),
  jwtUserClaim: Config.String("JWT_USER_CLAIM").pipe(Config.withDefault("sub")),
  jwtProvision: Config.Boolean("JWT_PROVISION").pipe(Config.withDefault(false)),
  userDirectory: Config.Literals(["all", "exact", "shared", "none"], "USER_DIRECTORY").pipe(
    Config.withDefault("all")
  )
}
