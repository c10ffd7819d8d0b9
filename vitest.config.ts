import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    // Room for a property test's shrinking and for a Redis that starts; nothing here measures time.
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Processes and not threads: tests start, signal and await child processes of their own.
    pool: "forks",
    maxWorkers: 2,
  },
});
