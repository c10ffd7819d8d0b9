/** What a run was asked for: from the environment that `npm run load` sets, or that a person sets for `k6 run`. */
import exec from "k6/execution";
import type { Options, Scenario } from "k6/options";
import { isLoopback, type ScenarioName, type SizesOf, sizesOf } from "./sizes.ts";
import { type Thresholds, thresholdsOf } from "./thresholds.ts";

const target = (__ENV.LOAD_TARGET ?? "http://127.0.0.1:8080").replace(/\/$/, "");

export type Plan<Name extends ScenarioName> = {
  name: Name;
  sizes: SizesOf<Name>;
  /** `options` of the scenario's file. */
  options: (scenarios: Record<string, Scenario>) => Options;
};

/** @throws when the address is not of this machine, or a size is out of its bounds */
export function planOf<Name extends ScenarioName>(name: Name): Plan<Name> {
  if (!isLoopback(target)) throw new Error(`LOAD_TARGET is http:// and a loopback address, not ${target}`);
  const quick = __ENV.LOAD_QUICK === "true";
  const sizes = sizesOf(name, { quick, given: json<Record<string, number>>(__ENV.LOAD_SIZES) });
  const extra = json<Thresholds>(__ENV.LOAD_THRESHOLDS);
  return {
    name,
    sizes,
    options: (scenarios) => ({
      scenarios,
      thresholds: thresholdsOf(name, { sizes, quick, extra }),
      summaryTrendStats: ["avg", "p(50)", "p(95)", "p(99)", "max"],
      setupTimeout: "60s",
      maxRedirects: 0,
    }),
  };
}

function json<T extends object>(text: string | undefined): T {
  return JSON.parse(text || "{}") as T;
}

export function targetUrl(): string {
  return target;
}

export function adminKey(): string {
  return keyOf("ADMIN_KEY");
}

export function serverKey(): string {
  return keyOf("SERVER_KEY");
}

function keyOf(name: string): string {
  const key = __ENV[name];
  if (!key) throw new Error(`${name} is not set`);
  return key;
}

const END_MS = 30_000;

/** `vus` VUs, each once: they hold their sockets themselves. They may take half a minute longer than the load does. */
export function crowd(vus: number, exec: string, loadMs: number): Scenario {
  const maxDuration = `${Math.ceil((loadMs + END_MS) / 1000)}s`;
  return { executor: "per-vu-iterations", vus, iterations: 1, maxDuration, exec, gracefulStop: "1s" };
}

const CALLERS_MAX = 16;

/** So many calls a second, whether or not earlier ones are answered. */
export function calls(rate: number, exec: string, when: { startS: number; seconds: number }): Scenario {
  return {
    executor: "constant-arrival-rate",
    rate,
    timeUnit: "1s",
    startTime: `${when.startS}s`,
    duration: `${when.seconds}s`,
    preAllocatedVUs: Math.min(CALLERS_MAX, Math.max(4, rate)),
    maxVUs: CALLERS_MAX,
    exec,
    gracefulStop: "10s",
  };
}

/** Which of `count` sockets this VU of a crowd holds, as indexes. */
export function shareOf(count: number, vus: number): number[] {
  const vu = exec.scenario.iterationInTest;
  return Array.from({ length: count }, (_, i) => i).filter((i) => i % vus === vu);
}
