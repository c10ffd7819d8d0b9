/** Rewrites the tables of `docs/benchmarks.md` between their markers; what stands around them is written by people. */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { machineFacts } from "../machine.ts";
import type { BenchResult } from "./bench.ts";
import type { Figure } from "./figure.ts";

const DOCUMENT = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));

export async function writeTables({ bench, figures }: BenchResult): Promise<void> {
  const [begin, end] = [`<!-- bench:${bench} -->`, `<!-- /bench:${bench} -->`];
  const before = await readFile(DOCUMENT, "utf8");
  const from = before.indexOf(begin);
  const to = before.indexOf(end);
  if (from === -1 || to < from) throw new Error(`docs/benchmarks.md has no markers for ${bench}`);
  const table = `${begin}\n\nMeasured on ${await machineFacts()}.\n\n${tableOf(figures)}\n\n${end}`;
  await writeFile(DOCUMENT, before.slice(0, from) + table + before.slice(to + end.length));
}

export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((one) => {
    const { name, value, unit, baseline, ratio, target } = one;
    const cells = [
      `\`${name}\``,
      value,
      unit,
      baseline ?? "",
      ratio === null ? "" : `${ratio}×`,
      target ?? "recorded",
    ];
    return `| ${[...cells, verdict(one)].join(" | ")} |`;
  });
  return [
    "| Figure | Value | Unit | Baseline | Ratio | Target | |",
    "|---|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

function verdict({ ok, ratio, value, target }: Figure): string {
  if (ok === null) return "";
  if (ok) return "ok";
  const wanted = Number(target?.replace(/^[<>]= /, ""));
  const off = Math.round(Math.abs(1 - (ratio ?? value) / wanted) * 100);
  return `${off} % ${target?.startsWith(">") ? "short" : "over"}`;
}
