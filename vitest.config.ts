import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The longest file begins first, so that it is not what everything waits for at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.includes("/test/bench/");
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    sequence: { sequencer: LongestFirst },
    // Room for a property test's shrinking and for a Redis that starts; nothing here measures time.
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Processes and not threads: tests start, signal and await child processes of their own.
    pool: "forks",
    // Half of what the suite waits for are timers and other processes: three keep two cores busy.
    maxWorkers: 3,
    // Files share their worker's modules, which saves half a second of CPU for each. What a file starts is in its own hands anyway.
    isolate: false,
  },
});
