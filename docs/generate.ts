/**
 * The tables in docs/ that are made from code: `npm run docs` writes them, `test/style/codes.test.ts` compares them.
 *
 * A document holds one table (of the API's calls one for each tag, of commands one for each), between `<!-- generated -->` and `<!-- /generated -->`; the rest is
 * written by hand.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ERRORS } from "../server/base/errors.ts";
import { settings } from "../server/config.ts";
import type { Setting } from "../server/settings/setting.ts";
import { apiTables } from "./api-tables.ts";
import { cliTables } from "./cli-tables.ts";

export type Document = { file: string; table: () => string };

/** Every document with a generated table. */
export const DOCUMENTS: Document[] = [
  { file: "docs/errors.md", table: errorsTable },
  { file: "docs/settings.md", table: settingsTable },
  { file: "docs/api.md", table: () => apiTables(tableOf) },
  { file: "docs/cli.md", table: () => cliTables(tableOf) },
];

const START = "<!-- generated -->";
const END = "<!-- /generated -->";

function errorsTable(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, retryable, message, remediation }]) => [
    `\`${code}\``,
    String(status),
    retryable ? "yes" : "no",
    message,
    remediation,
  ]);
  return tableOf(["Code", "Status", "Retryable", "Message", "What to do"], rows);
}

function settingsTable(): string {
  const rows = Object.entries(settings).map(([name, { schema, doc }]) => [
    `\`${name}\``,
    defaultOf(schema),
    doc,
  ]);
  return tableOf(["Variable", "Default", "What it is"], rows);
}

/** As it would be written: a switch that takes `on` and `off` has one of them. */
function defaultOf(schema: Setting["schema"]): string {
  const parsed = schema.safeParse(undefined);
  if (!parsed.success || parsed.data === undefined) return "unset";
  const data: unknown = parsed.data;
  if (typeof data === "boolean" && schema.safeParse("on").success) return data ? "`on`" : "`off`";
  return `\`${Array.isArray(data) ? data.join(",") : String(data)}\``;
}

/** A Markdown table with its columns aligned, as the formatter wants it. */
function tableOf(head: string[], rows: string[][]): string {
  const cells = [head, ...rows].map((row) => row.map(escapeCell));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[], fill = " "): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`;
  const [title = [], ...body] = cells;
  const rule = line(
    head.map(() => ""),
    "-",
  );
  return [line(title), rule, ...body.map((row) => line(row))].join("\n");
}

/** A bar would end the cell, and `<key>` outside of code would be read as HTML. */
function escapeCell(text: string): string {
  const escaped = text.replaceAll("|", "\\|");
  return escaped
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? part : part.replaceAll("<", "&lt;")))
    .join("");
}

/** The table that a document holds now. @throws when it has no markers */
export function generatedPart(text: string): string {
  const [start, end] = markers(text);
  return text.slice(start, end).trim();
}

/** The document with another table. @throws when it has no markers */
export function withGeneratedPart(text: string, table: string): string {
  const [start, end] = markers(text);
  return `${text.slice(0, start)}\n${table}\n${text.slice(end)}`;
}

function markers(text: string): [number, number] {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`the document needs the lines ${START} and ${END}`);
  return [start + START.length, end];
}

function writeDocuments(): void {
  for (const { file, table } of DOCUMENTS) {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const text = readFileSync(path, "utf8");
    const next = withGeneratedPart(text, table());
    if (next !== text) writeFileSync(path, next);
    console.log(`${file}: ${next === text ? "unchanged" : "written"}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeDocuments();
