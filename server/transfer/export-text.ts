/** An export as text, some entries at a time: NDJSON with its first and last line, or CSV. Whoever reads slowly is waited for. */
import { stringify } from "csv-stringify/sync";
import type { Exported } from "./board-export.ts";
import { csvFields, csvNames, type ExportEnd, type TransferFormat, transferEntry } from "./transfer-line.ts";

/** Ends with an error, and without its last line, when not all that was announced is there any more. Closes the export in any case. */
export async function* exportText(exported: Exported, format: TransferFormat): AsyncGenerator<string> {
  const { header, open } = exported;
  const names = csvNames(open, header.state === "archived");
  let entries = 0;
  try {
    yield format === "ndjson" ? `${JSON.stringify(header)}\n` : csv([names]);
    for await (const places of exported.read()) {
      if (places.length === 0) continue;
      entries += places.length;
      const told = places.map((place) => transferEntry(open, place));
      yield format === "ndjson"
        ? `${told.map((entry) => JSON.stringify(entry)).join("\n")}\n`
        : csv(told.map((entry) => csvFields(names, entry)));
    }
    if (entries !== header.total) {
      throw new Error(`${header.total} entries were announced, and ${entries} were there.`);
    }
    const end: ExportEnd = { end: true, entries };
    if (format === "ndjson") yield `${JSON.stringify(end)}\n`;
  } finally {
    await exported.close();
  }
}

function csv(rows: string[][]): string {
  return stringify(rows, { record_delimiter: "windows" });
}
