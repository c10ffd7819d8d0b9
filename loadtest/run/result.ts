/** What a load test leaves behind: a summary as JSON, and a short table on the screen. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { metricLines } from "../k6/lib/metric-lines.ts";
import { machineFacts } from "../machine.ts";
import type { Usage } from "../processes/server-child.ts";
import type { K6 } from "./k6-binary.ts";
import type { K6Run } from "./k6-process.ts";
import type { LoadOptions } from "./options.ts";

const RESULTS = fileURLToPath(new URL("../results/", import.meta.url));

export type Result = {
  scenario: string;
  startedAt: string;
  quick: boolean;
  sizes: Record<string, number>;
  /** `started` with a Redis of its own, or the given address. */
  target: string;
  k6: string;
  machine: string;
  passed: boolean;
  exitCode: number;
  /** Of the server's own process; null with a target. */
  server: { cpuSeconds: number; rssMib: number } | null;
  metrics: K6Run["metrics"];
};

export async function resultOf(
  options: LoadOptions,
  run: { k6: K6; startedAt: Date; ended: K6Run; usage: Usage | undefined },
): Promise<Result> {
  const { k6, startedAt, ended, usage } = run;
  const server = usage && { cpuSeconds: usage.cpuUs / 1e6, rssMib: usage.rssBytes / 2 ** 20 };
  return {
    scenario: options.scenario,
    startedAt: startedAt.toISOString(),
    quick: options.quick,
    sizes: options.sizes,
    target: options.target ?? "started",
    k6: k6.version,
    machine: await machineFacts(),
    passed: ended.code === 0,
    exitCode: ended.code,
    server: server ?? null,
    metrics: ended.metrics,
  };
}

/** @returns the file's path, from where we are */
export async function writeResult(result: Result, out: string | undefined): Promise<string> {
  const file = out ?? join(RESULTS, `${result.scenario}-${result.startedAt.replace(/[:.]/g, "-")}.json`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(result, undefined, 2)}\n`);
  return relative(process.cwd(), file) || file;
}

export function table({ metrics, server, k6 }: Result): string {
  const lines = [k6, ...metricLines(metrics)];
  if (server) lines.push(`  server: ${server.cpuSeconds.toFixed(1)} s CPU, ${server.rssMib.toFixed(0)} MiB`);
  return lines.join("\n");
}
