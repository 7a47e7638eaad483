/** 128 random bits. `crypto.randomUUID` is missing on pages that do not come from https or localhost. */
export const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(
    ""
  )
