/** `rankwire export`: a season of a board of a running server into a file, which is there only when it is whole. */
import { createWriteStream, existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import type { ApiClient } from "./api-client.ts";
import { apiCommand, type Shown, wholeNumber } from "./api-command.ts";
import { ApiFailure, refuse } from "./api-failure.ts";
import { adminPathOf } from "./board-paths.ts";
import type { Print } from "./commands.ts";
import { ExportCheck } from "./export-check.ts";
import { progressBar } from "./progress-bar.ts";

type Options = { season?: number; format: string; out?: string; force?: boolean };

type Report = {
  board: string;
  season: number;
  file: string;
  entries: number;
  bytes: number;
  /** Batches that the board had and the archive had not. */
  behind: number;
};

export function exportCommand(print: Print): Command {
  return apiCommand<Options>(
    "export <board>",
    "every entry of a season, hidden ones too, into a file of NDJSON or CSV; it is there only when it is whole",
    print,
    async (api, [board = ""], options) => {
      const report = await exportTo(api, board, options);
      return { answer: report, text: () => reportText(report) } satisfies Shown;
    },
  )
    .option("--season <number>", "of the past (default: the present one)", wholeNumber)
    .option("--format <format>", "ndjson, which an import takes back exactly, or csv", "ndjson")
    .option("--out <file>", "default: <board>-<season>.<format>")
    .option("--force", "write over a file that is there");
}

/** @throws ApiFailure usage, truncated (it broke off), and what the server answers */
async function exportTo(api: ApiClient, board: string, options: Options): Promise<Report> {
  const { format, season, force = false } = options;
  if (format !== "ndjson" && format !== "csv") refuse(`${format} is no format.`, "Write ndjson or csv.");
  const response = await api.download(`${adminPathOf(board)}/export`, { query: { format, season } });
  const number = Number(response.headers.get("rankwire-season"));
  const total = Number(response.headers.get("rankwire-total"));
  const file = options.out ?? `${board}-${number}.${format}`;
  if (existsSync(file) && !force) {
    await response.body?.cancel();
    refuse(`${file} is there.`, "Name another file with --out, or write over it with --force.");
  }
  const check = new ExportCheck(format, total);
  const bar = progressBar(total, "entries");
  const part = `${file}.part`;
  try {
    const seen = check.watch(response.body!, (more) => bar.add(more, board));
    await pipeline(Readable.from(seen), createWriteStream(part, { mode: 0o600 }));
    const problem = check.problem();
    if (problem !== undefined) throw truncated(problem);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    const { path, message } = error as NodeJS.ErrnoException;
    if (path !== undefined) refuse(`${file} cannot be written: ${message}.`, "Name another file with --out.");
    // A connection that broke says so in words of its own.
    throw error instanceof ApiFailure ? error : truncated((error as Error).message, error);
  } finally {
    bar.stop();
  }
  const behind = Number(response.headers.get("rankwire-behind") ?? 0);
  return { board, season: number, file, entries: total, bytes: check.bytes, behind };
}

function truncated(why: string, cause?: unknown): ApiFailure {
  const message = `The export is not whole, and its file was removed: ${why}`;
  const remediation = "Export again; the server's log says why, where it was the server.";
  return new ApiFailure({ code: "truncated", message, remediation, retryable: true }, undefined, cause);
}

function reportText({ board, season, file, entries, bytes, behind }: Report): string {
  return [
    `${file}: ${entries} ${entries === 1 ? "entry" : "entries"} of ${board}, season ${season}, ${bytes} bytes`,
    ...(behind > 0
      ? [
          `The archive was ${behind === 1 ? "1 batch" : `${behind} batches`} behind the board: what is in them is missing.`,
        ]
      : []),
  ].join("\n");
}
