const BEARER = /^bearer +(.+)$/i

/** The token of an `Authorization` header of the scheme `Bearer`; `undefined` without one. */
export const bearerOf = (authorization: string | undefined): string | undefined =>
  authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
