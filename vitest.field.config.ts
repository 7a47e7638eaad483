import { defineConfig } from "vitest/config"

// As vitest.faults.config.ts: each test has servers of its own, and no other test beside it.
export default defineConfig({
  test: {
    include: ["test/field/**/*.test.ts"],
    fileParallelism: false,
    // As in vitest.config.ts.
    retry: process.env.CI === undefined ? 0 : 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    disableConsoleIntercept: true
  }
})
