/** The memory plan and what was measured, as a table for people: Markdown, so that it may be pasted where it is talked about. */

import { UNITS } from "./capacity-constants.ts";
import type { LiveCapacity } from "./capacity-live.ts";
import type { CapacityPlan, StoreName } from "./capacity-plan.ts";

const NAMES: Record<StoreName, string> = { redis: "Redis", postgresql: "PostgreSQL" };
const SET: Record<StoreName, string> = {
  redis: "maxmemory",
  postgresql: "disk, without its write-ahead log",
};
const STEPS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Three digits and a unit. */
export function sizeText(bytes: number): string {
  let step = 0;
  let value = bytes;
  while (value >= 1024 && step < STEPS.length - 1) {
    value /= 1024;
    step++;
  }
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toPrecision(3)} ${STEPS[step]}`;
}

/** What the plan reckons a row with. */
const UNITS_OF_TABLES: Readonly<Record<string, { bytes: number }>> = {
  profiles: UNITS.profileRow,
  devices: UNITS.deviceRow,
  api_keys: UNITS.keyRow,
  current_entries: UNITS.currentRow,
  final_entries: UNITS.finalRow,
  score_log: UNITS.logRow,
};

const numberText = (value: number): string =>
  (Number.isInteger(value) ? value : value.toFixed(1)).toLocaleString("en");

/** Aligned columns; the first is text, the others are numbers. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, c) => Math.max(title.length, ...rows.map((row) => row[c]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join(" | ")} |`;
  const rule = `|${widths.map((width, c) => (c === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** Per store: its parts, their sum, the sum with 30 and with 50 % of head-room, and what to set. */
export function planText({ parts, totals }: CapacityPlan): string {
  const stores: StoreName[] = ["redis", "postgresql"];
  return stores
    .map((store) => {
      const rows = parts
        .filter((part) => part.store === store)
        .map(({ part, unit, units, unitBytes, bytes }) => [
          part,
          unit,
          numberText(units),
          numberText(unitBytes),
          ...[1, 1.3, 1.5].map((factor) => sizeText(bytes * factor)),
        ]);
      const { bytes, with30, with50, set } = totals[store];
      const sum = ["sum", "", "", "", sizeText(bytes), sizeText(with30), sizeText(with50)];
      const head = [NAMES[store], "one", "number", "bytes of one", "together", "+ 30 %", "+ 50 %"];
      return `${tableText(head, [...rows, sum])}\n\n${SET[store]}: ${set / 1024 / 1024} MiB`;
    })
    .join("\n\n");
}

/** The masters, the parts beside the plan, the tables, and on how many keys it stands. */
export function liveText({ nodes, parts, sampled, tables }: LiveCapacity): string {
  const masters = nodes.map(({ node, usedBytes, residentBytes, maxBytes, policy, full }) => [
    node,
    sizeText(usedBytes),
    sizeText(residentBytes),
    maxBytes === 0 ? "none" : sizeText(maxBytes),
    policy,
    full ? "yes" : "no",
  ]);
  const ofParts = parts.map(({ part, keys, elements, bytes, plannedBytes }) => [
    part,
    numberText(keys),
    numberText(elements),
    sizeText(bytes),
    plannedBytes === undefined ? "" : sizeText(plannedBytes),
  ]);
  const ofTables = (tables ?? []).map(({ table, rows, bytes }) => [
    table,
    rows < 0 ? "not counted" : numberText(rows),
    sizeText(bytes),
    rows > 0 ? numberText(Math.round(bytes / rows)) : "",
    table in UNITS_OF_TABLES ? numberText(UNITS_OF_TABLES[table]!.bytes) : "",
  ]);
  const { keys, seen, measured } = sampled;
  return [
    tableText(["Redis", "used", "resident", "maxmemory", "policy", "full"], masters),
    tableText(["part", "keys", "elements", "measured", "as planned"], ofParts),
    `Of ${numberText(keys)} keys ${numberText(seen)} were looked at by SCAN and ${numberText(measured)} measured by MEMORY USAGE; their means stand for the rest.`,
    tables
      ? tableText(["table", "rows", "on disk", "bytes of one", "as planned"], ofTables)
      : "The embedded database is not open, so its tables were not measured.",
  ].join("\n\n");
}
