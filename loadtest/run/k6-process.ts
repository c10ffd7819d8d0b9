/** k6 as a child process of ours, with one scenario. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Metrics } from "../k6/lib/metric-lines.ts";
import type { OwnedProcesses } from "../processes/owned-processes.ts";
import { type K6, k6Environment } from "./k6-binary.ts";
import type { LoadOptions } from "./options.ts";

const SCENARIO_FILES = fileURLToPath(new URL("../k6/scenarios/", import.meta.url));

export type Target = { url: string; serverKey: string; adminKey: string };

export type K6Run = {
  /** 0, 99 when a threshold was not kept, anything else when the run itself failed. */
  code: number;
  /** Empty when k6 did not come to its end. */
  metrics: Metrics;
};

/** k6's own output passes through. */
export async function runK6(
  target: Target,
  options: LoadOptions,
  { owned, k6, say }: { owned: OwnedProcesses; k6: K6; say: (line: string) => void },
): Promise<K6Run> {
  const summary = join(owned.folder(), "summary.json");
  const child = spawn(k6.path, ["run", join(SCENARIO_FILES, `${options.scenario}.ts`)], {
    env: {
      ...k6Environment(),
      LOAD_TARGET: target.url,
      SERVER_KEY: target.serverKey,
      ADMIN_KEY: target.adminKey,
      LOAD_QUICK: `${options.quick}`,
      LOAD_SIZES: JSON.stringify(options.given),
      LOAD_THRESHOLDS: JSON.stringify(options.thresholds),
      LOAD_SUMMARY: summary,
    },
    stdio: ["ignore", "inherit", "inherit"],
    // A group of its own: Ctrl-C is for us, and we end it.
    detached: true,
  });
  owned.add(child);
  say(`k6 run ${options.scenario}, pid ${child.pid}`);
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (exitCode) => resolve(exitCode ?? 1));
  });
  const text = await readFile(summary, "utf8").catch(() => undefined);
  if (text === undefined) return { code: code || 1, metrics: {} };
  return { code, metrics: (JSON.parse(text) as { metrics: Metrics }).metrics };
}
