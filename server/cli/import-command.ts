/** `rankwire import`: entries of a file or of a plain Redis ZSET into a board of a running server, and a check of both sides. */
import type { Command } from "commander";
import type { BoardInfo } from "../../client-sdk/protocol/messages.ts";
import { newId } from "../base/ids.ts";
import { counted } from "./answer-text.ts";
import type { ApiClient } from "./api-client.ts";
import { apiCommand, type Shown, valuesOf } from "./api-command.ts";
import { ApiFailure, refuse } from "./api-failure.ts";
import { adminPathOf, pathOf } from "./board-paths.ts";
import type { Print } from "./commands.ts";
import { type Comparison, compare, type Difference } from "./import/comparison.ts";
import { fileSource } from "./import/file-source.ts";
import { fittingColumns } from "./import/fitting-definition.ts";
import type { ImportSource, Sent } from "./import/import-source.ts";
import { withZset } from "./import/zset-source.ts";
import { progressBar } from "./progress-bar.ts";

type Options = {
  csv?: string;
  fromZset?: string;
  redisKey?: string;
  map?: string;
  delimiter?: string;
  decimalComma?: boolean;
  mode: "put" | "best" | "absent";
  ties: "exact" | "time";
  dryRun?: boolean;
  importId?: string;
  create?: boolean;
  order: "desc" | "asc";
  set: string[];
  compare: boolean;
  compareOnly?: boolean;
};

type Report = { board: string; importId?: string; created?: object; imported?: Sent; compared?: Comparison };

/** Lines for people; `--json` has more. */
const SHOWN = 20;

export function importCommand(print: Print): Command {
  const command = apiCommand<Options>(
    "import <board> [file]",
    "bring entries of a file, NDJSON or CSV, or of a Redis ZSET into a board, and compare both sides afterwards",
    print,
    async (api, [board = "", file], options) => {
      const report: Report = { board };
      const run = (source: ImportSource): Promise<void> => bring(api, source, options, report);
      const failure = await withSource(file, options, run).then(
        () => undefined,
        (error: unknown) => error,
      );
      // What was made and written by then stays, so it is told.
      if (failure !== undefined && !report.created && !report.imported) throw failure;
      const failed = (report.imported?.failed ?? 0) > 0 || (report.compared?.found ?? 0) > 0;
      return { answer: report, text: () => reportText(report), failed, failure } satisfies Shown;
    },
  );
  return command
    .option("--csv <file>", "a file of CSV, whatever its name")
    .option("--from-zset <url>", "a plain sorted set of this Redis, such as redis://localhost:6379/0")
    .option("--redis-key <name>", "the key of that sorted set")
    .option("--map <pairs>", "CSV: field=name pairs, such as member=user_id,score=points,column.wins=wins")
    .option("--delimiter <text>", "CSV: , ; | or tab")
    .option("--decimal-comma", "CSV: numbers such as 1.234,5")
    .option("--mode <mode>", "put, best (lowers nothing) or absent (only who is not there)", "put")
    .option("--ties <ties>", "where ties go by time: exact, or time (by reachedAt)", "exact")
    .option("--dry-run", "check everything against a board that is there, and write nothing")
    .option("--import-id <id>", "go on with an import of this id that broke off")
    .option("--create", "make the board: as an export says, or with columns that hold what there is")
    .option("--order <order>", "of the board that is made: desc or asc", "desc")
    .option("--set <fields...>", "of the board that is made, such as operator=best ties=earliest", [])
    .option("--no-compare", "do not compare both sides afterwards")
    .option("--compare-only", "only compare both sides");
}

/** @throws ApiFailure usage where no source is named, or two */
async function withSource<T>(
  file: string | undefined,
  options: Options,
  use: (source: ImportSource) => Promise<T>,
): Promise<T> {
  const { csv, fromZset, redisKey, map, delimiter, decimalComma } = options;
  const named = [file, csv, fromZset].filter((one) => one !== undefined);
  if (named.length !== 1)
    refuse("Name one source.", "A file, or --csv <file>, or --from-zset <url> --redis-key <name>.");
  if (fromZset !== undefined) {
    if (redisKey === undefined) refuse("--from-zset needs --redis-key.", "Name the key of the sorted set.");
    return withZset(fromZset, redisKey, use);
  }
  const path = csv ?? file!;
  const format = csv !== undefined || /\.csv$/i.test(path) ? "csv" : "ndjson";
  return use(fileSource({ path, format, map, delimiter, decimalComma }));
}

/** @param report gets each part as soon as it is done */
async function bring(api: ApiClient, source: ImportSource, options: Options, report: Report): Promise<void> {
  const { mode, ties, dryRun = false, compareOnly = false } = options;
  const { board } = report;
  // A file that cannot be read is refused before a board is made of it.
  await source.size();
  if (options.create) {
    if (dryRun || compareOnly)
      refuse(
        `--create goes not with ${dryRun ? "--dry-run" : "--compare-only"}, which makes nothing.`,
        "Make the board first, with `rankwire board create`; or import with --create.",
      );
    report.created = await createBoard(api, board, source, options);
  }
  const { columns, topSize } = await api.call<BoardInfo>("GET", pathOf(board));
  if (!compareOnly) {
    const importId = options.importId ?? `cli-${newId()}`;
    report.importId = importId;
    report.imported = await withBar(source, "sent", (onSent) =>
      source.send(api, { board, mode, ties, dryRun, importId, onSent }).catch(async (error: unknown) => {
        throw await withHint(api, board, error, importId);
      }),
    );
  }
  if (compareOnly || (options.compare && !dryRun)) {
    const bar = progressBar(report.imported?.lines ?? 1, "entries");
    const onCompared = (more: number): void => bar.add(more, "compared");
    const refused = new Map(report.imported?.errors.map(({ where, message }) => [where, message]));
    const options = { board, columns, topSize, mode, refused, onCompared };
    report.compared = await compare(api, source, options).finally(() => bar.stop());
  }
}

async function withBar<T>(
  source: ImportSource,
  what: string,
  work: (onSent: (more: number) => void) => Promise<T>,
): Promise<T> {
  const { total, unit } = await source.size();
  const bar = progressBar(total, unit);
  try {
    return await work((more) => bar.add(more, what));
  } finally {
    bar.stop();
  }
}

/** Never in the place of a board that is there. */
async function createBoard(
  api: ApiClient,
  board: string,
  source: ImportSource,
  options: Options,
): Promise<object> {
  const there = await api.call<object>("GET", pathOf(board)).catch((error: unknown) => {
    if (error instanceof ApiFailure && error.body.code === "board_not_found") return undefined;
    throw error;
  });
  if (there)
    refuse(
      `The board ${board} is there.`,
      "Leave --create out to import into it, or give the new one another id.",
    );
  const { order } = options;
  if (order !== "desc" && order !== "asc")
    refuse(`${String(order)} is no order.`, "Write --order desc or --order asc.");
  const own = await source.definition();
  const fitting = async (): Promise<object> => {
    const columns = await fittingColumns(source, namesIn(options.map), order);
    return { operator: "best", order, columns };
  };
  const body = { ...(own ?? (await fitting())), ...valuesOf(options.set) };
  return api.call<object>("PUT", adminPathOf(board), { body });
}

/** Columns beside the score, as a map names them. */
function namesIn(map = ""): string[] {
  const own = new Set(["member", "score", "reachedAt", "key", "rest", "visibility", "metadata", "rank", ""]);
  const fields = map.split(",").map((pair) => pair.split("=")[0]!);
  return fields.filter((field) => !own.has(field)).map((field) => field.replace(/^column\./, ""));
}

/** How to go on, where the server has something to go on from. */
async function withHint(api: ApiClient, board: string, error: unknown, importId: string): Promise<unknown> {
  if (!(error instanceof ApiFailure)) return error;
  const begun = await api
    .call<{ lastLine: number }>("GET", `${adminPathOf(board)}/import/${importId}`)
    .then(({ lastLine }) => lastLine > 0)
    // A server that is away may have something; one that refuses has nothing for whoever asks.
    .catch((failure: ApiFailure) => failure.status === undefined || failure.status >= 500);
  if (!begun) return error;
  const { body, status } = error;
  const remediation = `${body.remediation} The import goes on where it was with --import-id ${importId}.`;
  return new ApiFailure({ ...body, remediation }, status, error);
}

function reportText({ board, created, imported, compared }: Report): string {
  return [
    ...(created ? [`${board} was made.`] : []),
    ...(imported ? sentLines(imported) : []),
    ...(compared ? comparedLines(compared) : []),
  ].join("\n");
}

function sentLines({ lines, written, unchanged, skipped, failed, errors }: Sent): string[] {
  // That the last line of an export is missing fails, and is no line.
  const refused = Math.min(failed, Math.max(0, lines - written - unchanged - skipped));
  return [
    `${counted(lines, "line")}: ${written} written, ${unchanged} there already, ${skipped} left alone, ${refused} not taken`,
    ...errors.slice(0, SHOWN).map(({ where, code, message }) => `  ${where}: ${code}: ${message}`),
    ...(failed > SHOWN ? [`  … and ${failed - Math.min(SHOWN, errors.length)} more`] : []),
  ];
}

function comparedLines({ members, total, found, differences, topCompared }: Comparison): string[] {
  const top = topCompared > 0 ? `, the first ${topCompared} ranks compared` : "";
  return [
    `${counted(members, "member")} there, ${total} here${top}: ${found === 0 ? "no differences" : counted(found, "difference")}`,
    ...differences.slice(0, SHOWN).map((one) => `  ${differenceText(one)}`),
    ...(found > SHOWN ? [`  … and ${found - SHOWN} more`] : []),
  ];
}

function differenceText({ reason, where, source, board }: Difference): string {
  const side = (value: unknown): string => (value === undefined ? "-" : JSON.stringify(value));
  return `${reason}: ${where}: there ${side(source)}, here ${side(board)}`;
}
