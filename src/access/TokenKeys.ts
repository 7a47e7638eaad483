import { type CryptoKey, errors, type JWTVerifyGetKey } from "jose"

/** A key, and the one algorithm that it is for. */
export interface TokenKey {
  readonly algorithm: string
  readonly key: CryptoKey
}

/** Finds the keys for a token's algorithm. Several are given by `JWKSMultipleMatchingKeys`, as jose does for a key set. */
export const anyOf =
  (keys: ReadonlyArray<TokenKey>): JWTVerifyGetKey =>
  ({ alg }) => {
    const fitting = keys.filter(({ algorithm }) => algorithm === alg)
    if (fitting.length === 0) return Promise.reject(new errors.JWKSNoMatchingKey())
    if (fitting.length === 1) return Promise.resolve(fitting[0]!.key)
    const several = new errors.JWKSMultipleMatchingKeys()
    several[Symbol.asyncIterator] = async function* () {
      for (const { key } of fitting) yield key
    }
    return Promise.reject(several)
  }
