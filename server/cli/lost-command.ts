/**
 * `rankwire lost`: of the submissions that a game server keeps a record of, those that a loss of Redis has taken: as the record has them, or
 * of one board as bodies that the server takes.
 */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { configFromEnvironment } from "../config.ts";
import { memberSubmission } from "../gateway/schemas.ts";
import { type Acknowledged, LostSubmissions } from "../recovery/lost.ts";
import { counted } from "./answer-text.ts";
import { ApiFailure, refuse } from "./api-failure.ts";
import type { Print } from "./commands.ts";
import { withRecoveryConnections } from "./recovery-connections.ts";

type Options = { board?: string; json?: boolean };

type BadLine = { line: number; problem: string };

type Counts = { lines: number; lost: number; bad: number; firstBad: BadLine[] };

/** Characters of a line of the record. */
const LINE_MAX = 65_536;
/** Lines that cannot be told, of which the error tells. */
const BAD_SHOWN = 20;
/** Submissions of a body, far below SUBMISSIONS_MAX and BODY_MAX of a server. */
const SUBMISSIONS_OF_A_BODY = 100;

/** @param print takes what is to be shown, without an end of line */
export function lostCommand(print: Print): Command {
  return new Command("lost")
    .description(
      "print the lines of a record of acknowledged submissions whose submissions were lost with Redis",
    )
    .argument(
      "<record>",
      "NDJSON, each line with board, season, incarnation, shard and n of an answer with positions; - for the input",
    )
    .option("--board <board>", "of this board alone, as bodies for POST /v1/boards/:board/scores, one a line")
    .option("--json", "no words beside the lines")
    .action(async (record: string, { board, json }: Options) => {
      const input = await inputOf(record);
      const counts = await withRecoveryConnections(configFromEnvironment(), (connections) =>
        printLost(input, new LostSubmissions(connections), board, print),
      );
      if (json !== true) console.error(`${counts.lost} of ${counted(counts.lines, "submission")} lost.`);
      if (counts.bad > 0) throw badLines(counts);
    });
}

/** @throws ApiFailure usage */
async function inputOf(record: string): Promise<NodeJS.ReadableStream> {
  if (record === "-") return process.stdin;
  const file = createReadStream(record, "utf8");
  await once(file, "open").catch(unreadable);
  return file;
}

/** Goes on past lines that cannot be told: the others are to be sent again all the same. @param board undefined for all, as they are recorded */
async function printLost(
  input: NodeJS.ReadableStream,
  submissions: LostSubmissions,
  board: string | undefined,
  print: Print,
): Promise<Counts> {
  const counts: Counts = { lines: 0, lost: 0, bad: 0, firstBad: [] };
  let body: object[] = [];
  const flush = (): void => {
    if (body.length > 0) print(JSON.stringify({ submissions: body }));
    body = [];
  };
  let line = 0;
  for await (const text of linesOf(input)) {
    line++;
    if (text.trim() === "") continue;
    const read = readLine(text);
    if (typeof read !== "string" && board !== undefined && read.at.board !== board) continue;
    counts.lines++;
    if (typeof read !== "string" && !(await submissions.isLost(read.at))) continue;
    const problem = typeof read === "string" ? read : board && submissionProblem(read);
    if (problem) {
      counts.bad++;
      if (counts.firstBad.length < BAD_SHOWN) counts.firstBad.push({ line, problem });
      continue;
    }
    counts.lost++;
    if (board === undefined) print(text);
    else body.push((read as ReadLine).submission);
    if (body.length === SUBMISSIONS_OF_A_BODY) flush();
  }
  flush();
  return counts;
}

/** @throws ApiFailure usage where reading breaks off */
async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let broken: Error | undefined;
  // Nobody else listens, and unheard it would end the process.
  input.once("error", (error) => {
    broken = error;
    lines.close();
  });
  yield* lines;
  if (broken) unreadable(broken);
}

function unreadable({ message }: Error): never {
  return refuse(`The record cannot be read: ${message}.`, "Give a file of NDJSON, or - for the input.");
}

type ReadLine = {
  at: Acknowledged;
  /** What a server takes of the line; whatever else the game keeps there is left out. */
  submission: Record<string, unknown>;
};

/** @returns what is wrong with it, in words, where it cannot be told */
function readLine(text: string): ReadLine | string {
  if (text.length > LINE_MAX) return `has more than ${LINE_MAX} characters`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return "is no JSON";
  }
  const fields = (parsed ?? {}) as Record<string, unknown>;
  const { board, season, incarnation, shard, n } = fields;
  if (typeof board !== "string" || typeof incarnation !== "string" || !isWhole(season) || !isWhole(shard)) {
    return "lacks board, season, incarnation or shard";
  }
  if (n !== undefined && !isWhole(n)) return "has an n that is no whole number";
  const taken = Object.entries(fields).filter(([name]) => name in memberSubmission.shape);
  return { at: { board, season, incarnation, shard, n }, submission: Object.fromEntries(taken) };
}

/** Why no server would take it. */
function submissionProblem({ submission }: ReadLine): string | undefined {
  const { success, error } = memberSubmission.safeParse(submission);
  if (success) return undefined;
  const { path, message } = error.issues[0]!;
  return `cannot be sent again: ${path.join(".")}: ${message}`;
}

function badLines({ bad, lines, firstBad }: Counts): ApiFailure {
  const { line, problem } = firstBad[0]!;
  const message = `${bad} of ${counted(lines, "line")} cannot be told, the first is line ${line}, which ${problem}.`;
  const remediation =
    "Correct them and look again, or send their submissions again with the same ids: each counts once.";
  return new ApiFailure({
    code: "usage",
    message,
    remediation,
    retryable: false,
    details: { lines: firstBad },
  });
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
