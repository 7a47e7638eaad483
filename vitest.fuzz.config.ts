import { defineConfig } from "vitest/config"

// FUZZ_REQUESTS says how much is sent, FUZZ_CONNECTIONS over how many at once (20 at most), FUZZ_SEED repeats a run.
export default defineConfig({
  test: {
    include: ["test/fuzz/**/*.test.ts"],
    globalSetup: ["test/support/globalSetup.ts"],
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    disableConsoleIntercept: true
  }
})
