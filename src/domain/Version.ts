/** The release that this is, as three numbers: releases are compared by them. */
export const VERSION = "1.1.0"
