import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/faults/**", "test/fuzz/**", "test/field/**"],
    globalSetup: ["test/support/globalSetup.ts"],
    // Files share what they import: importing it anew for each file took half of the time of a run.
    isolate: false,
    // More than the two cores of a small machine: half of a worker's time is waiting.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The machine that checks a change may be busy with others: there a test that fails is run once more, and named.
    retry: process.env.CI === undefined ? 0 : 1,
    coverage: { provider: "v8", include: ["src/**"], reporter: ["text", "html"] }
  }
})
