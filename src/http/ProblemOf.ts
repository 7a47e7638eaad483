import { Duration } from "effect"
import type { RateLimited } from "../access/RateLimits.ts"
import * as Problems from "../api/Problems.ts"
import type { Unavailable } from "../domain/Unavailable.ts"

export const userNotFound = () => new Problems.UserNotFound({ detail: "User not found" })

export const serviceUnavailable = (error: Unavailable) =>
  new Problems.ServiceUnavailable({ detail: `${error.message}; nothing was lost, try again` })

export const tooManyRequests = ({ retryAfter }: RateLimited) =>
  new Problems.TooManyRequests({
    detail: "Too many requests, try again later",
    retry_after_ms: Math.ceil(Duration.toMillis(retryAfter))
  })
