import { defineConfig } from "vitest/config"

// Each test has servers of its own and the machine to itself: what it measures would mean nothing otherwise.
export default defineConfig({
  test: {
    include: ["test/faults/**/*.test.ts"],
    fileParallelism: false,
    // As in vitest.config.ts.
    retry: process.env.CI === undefined ? 0 : 1,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    disableConsoleIntercept: true
  }
})
