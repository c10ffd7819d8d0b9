/** The command line of `npm run load`. */
import { parseArgs } from "node:util";
import {
  isLoopback,
  isScenarioName,
  SCENARIO_NAMES,
  SCENARIOS,
  type ScenarioName,
  sizesOf,
  sizeTable,
} from "../k6/lib/sizes.ts";
import type { Thresholds } from "../k6/lib/thresholds.ts";

export type LoadOptions = {
  scenario: ScenarioName;
  quick: boolean;
  /** Undefined: start a server and a Redis. */
  target: string | undefined;
  /** The sizes that were given, and all of them. */
  given: Record<string, number>;
  sizes: Record<string, number>;
  thresholds: Thresholds;
  /** Where the summary goes; undefined: into loadtest/results. */
  out: string | undefined;
};

export type Command = { kind: "list" } | { kind: "prepare" } | { kind: "load"; options: LoadOptions };

const FLAGS = {
  target: { type: "string" },
  quick: { type: "boolean", default: false },
  prepare: { type: "boolean", default: false },
  threshold: { type: "string", multiple: true, default: [] as string[] },
  out: { type: "string" },
} as const;

/** @throws in words for the person who typed it */
export function commandFrom(args: string[]): Command {
  const keys = new Set(SCENARIO_NAMES.flatMap((name) => Object.keys(sizeTable(name))));
  const sizeFlags = Object.fromEntries([...keys].map((key) => [key, { type: "string" as const }]));
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...sizeFlags, ...FLAGS },
  });
  if (values.prepare) return { kind: "prepare" };
  const [scenario, ...more] = positionals;
  if (scenario === undefined) return { kind: "list" };
  if (more.length > 0 || !isScenarioName(scenario))
    throw new Error(`There is no scenario ${positionals.join(" ")}.`);
  const { target, quick, out } = values;
  if (target !== undefined && !isLoopback(target))
    throw new Error("--target is http:// and a loopback address: load goes to this machine only.");
  const given = givenSizes(keys, values);
  return {
    kind: "load",
    options: {
      scenario,
      quick,
      target,
      out,
      given,
      sizes: sizesOf(scenario, { quick, given }),
      thresholds: thresholdsFrom(values.threshold),
    },
  };
}

function givenSizes(keys: Iterable<string>, values: Record<string, unknown>): Record<string, number> {
  const given: Record<string, number> = {};
  for (const key of keys) {
    const text = values[key];
    if (typeof text === "string") given[key] = text.trim() === "" ? Number.NaN : Number(text);
  }
  return given;
}

/** `ack_ms:p(95)<100`, several for one metric allowed. */
function thresholdsFrom(texts: readonly string[]): Thresholds {
  const thresholds: Thresholds = {};
  for (const text of texts) {
    const at = text.indexOf(":");
    if (at < 1)
      throw new Error(
        `--threshold is a metric and an expression, such as "ack_ms:p(95)<100", not "${text}".`,
      );
    const metric = text.slice(0, at);
    thresholds[metric] = [...(thresholds[metric] ?? []), text.slice(at + 1)];
  }
  return thresholds;
}

export function usage(): string {
  const lines = SCENARIO_NAMES.flatMap((name) => [
    `  ${name.padEnd(16)} ${SCENARIOS[name].summary}`,
    ...Object.entries(sizeTable(name)).map(
      ([key, { usual, max, means }]) => `      --${key.padEnd(10)} ${means}: ${usual}, at most ${max}`,
    ),
  ]);
  return [
    "npm run load -- <scenario> [--quick] [--target http://127.0.0.1:8080] [options]",
    "",
    "  --quick          a smoke run of seconds; its numbers mean nothing",
    "  --target         a server that runs, with its keys in SERVER_KEY and ADMIN_KEY; else one is started, with a Redis",
    "  --threshold      a budget of your own, such as 'ack_ms:p(95)<100'; it takes the place of the metric's others",
    "  --out            the file of the summary; else loadtest/results/<scenario>-<time>.json",
    "  --prepare        only find k6, or build it where there is Go",
    "",
    ...lines,
  ].join("\n");
}
