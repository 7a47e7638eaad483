import * as Problems from "../api/Problems.ts"
import type { Unavailable } from "../domain/Unavailable.ts"

export const userNotFound = () => new Problems.UserNotFound({ detail: "User not found" })

export const serviceUnavailable = (error: Unavailable) =>
  new Problems.ServiceUnavailable({ detail: `${error.message}; nothing was lost, try again` })
