/** Answers as text for people: a list as columns, one thing as its fields. */

/** Columns two spaces apart. @param none is said where there are no rows */
export function columnsText(
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
  none = "None.",
): string {
  if (rows.length === 0) return none;
  const cells = [head, ...rows.map((row) => row.map(cellText))];
  const widths = head.map((_, c) => Math.max(...cells.map((row) => row[c]!.length)));
  return cells
    .map((row) =>
      row
        .map((cell, c) => cell.padEnd(widths[c]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A list's columns, and that there is more where there is. */
export function listText(
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
  { more, none }: { more: boolean; none?: string },
): string {
  return `${columnsText(head, rows, none)}${more ? "\n… and more: --limit" : ""}`;
}

/** A number with its noun: `1 line`, `2 lines`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A line for each field that there is. */
export function fieldsText(answer: object): string {
  const fields = Object.entries(answer).filter(([, value]) => value !== undefined);
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${cellText(value)}`).join("\n");
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join(",") || "-";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
