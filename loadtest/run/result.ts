/** What a load test leaves behind: a summary as JSON, and a short table on the screen. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { machineFacts } from "../machine.ts";
import type { Usage } from "../processes/server-child.ts";
import type { K6 } from "./k6-binary.ts";
import type { K6Run, Metric } from "./k6-process.ts";
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

/** k6's own that say something here; all of ours are shown. */
const OF_K6 = ["http_req_failed", "dropped_iterations", "data_received", "data_sent"];
const TABLE_ORDER = ["trend", "counter", "rate"];

export function table({ metrics, server, k6 }: Result): string {
  const isShown = ([name]: [string, Metric]): boolean => OF_K6.includes(name) || !isOfK6(name);
  const rows = Object.entries(metrics)
    .filter(isShown)
    .filter(([, { type }]) => TABLE_ORDER.includes(type))
    .sort(([a, x], [b, y]) => TABLE_ORDER.indexOf(x.type) - TABLE_ORDER.indexOf(y.type) || (a < b ? -1 : 1))
    .map(([name, metric]) => [name, inWords(metric), judged(metric)] as const);
  const nameWidth = Math.max(...rows.map(([name]) => name.length), 0);
  const valueWidth = Math.max(...rows.map(([, value]) => value.length), 0);
  const lines = rows.map(([name, value, verdict]) =>
    `  ${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${verdict}`.trimEnd(),
  );
  if (server) lines.push(`  server: ${server.cpuSeconds.toFixed(1)} s CPU, ${server.rssMib.toFixed(0)} MiB`);
  return [k6, ...lines].join("\n");
}

function isOfK6(name: string): boolean {
  return /^(http_|ws_|iteration|vus|data_|dropped_|group_|checks)/.test(name);
}

function inWords({ type, values }: Metric): string {
  const number = (key: string): string => String(Number((values[key] ?? 0).toPrecision(4)));
  if (type === "trend")
    return ["p(50)", "p(95)", "p(99)", "max"].map((key) => `${key} ${number(key)}`).join("  ");
  if (type === "rate") return `${number("rate")}`;
  return `${number("count")}  (${number("rate")}/s)`;
}

function judged({ thresholds = {} }: Metric): string {
  return Object.entries(thresholds)
    .map(([expression, { ok }]) => `${ok ? "✓" : "✗"} ${expression}`)
    .join("  ");
}
