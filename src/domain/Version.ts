/**
 * The version of this server, `major.minor.patch` as in package.json. During an upgrade nodes compare versions number by
 * number: an older node leaves alone the SQL functions that a newer one applied.
 */
export const VERSION = "1.1.0"
