/** `rankwire lost`: of the submissions that a game server keeps a record of, those that a loss of Redis has taken, to be sent again. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { configFromEnvironment } from "../config.ts";
import { type Acknowledged, LostSubmissions } from "../recovery/lost.ts";
import { withRecoveryConnections } from "./recovery-connections.ts";

/** Characters of a line of the record. */
const LINE_MAX = 65_536;

/** @param print takes what is to be shown, without an end of line */
export function lostCommand(print: (text: string) => void): Command {
  return new Command("lost")
    .description(
      "print the lines of a record of acknowledged submissions whose submissions were lost with Redis",
    )
    .argument(
      "<record>",
      "NDJSON, each line with board, season, incarnation, shard and n of an answer with positions; - for the input",
    )
    .option("--json", "no words beside the lines")
    .action(async (record: string, { json }: { json?: boolean }) => {
      const input = record === "-" ? process.stdin : createReadStream(record, "utf8");
      const counts = await withRecoveryConnections(configFromEnvironment(), async (connections) =>
        printLost(input, new LostSubmissions(connections), print),
      );
      if (json !== true) console.error(`${counts.lost} of ${counts.lines} submissions are lost.`);
    });
}

async function printLost(
  input: NodeJS.ReadableStream,
  submissions: LostSubmissions,
  print: (text: string) => void,
): Promise<{ lines: number; lost: number }> {
  const counts = { lines: 0, lost: 0 };
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    counts.lines++;
    if (line.trim() === "") continue;
    if (!(await submissions.isLost(acknowledgedIn(line, counts.lines)))) continue;
    counts.lost++;
    print(line);
  }
  return counts;
}

/** @throws Error for people */
function acknowledgedIn(line: string, number: number): Acknowledged {
  const problem = (what: string): Error => new Error(`Line ${number} of the record ${what}.`);
  if (line.length > LINE_MAX) throw problem(`has more than ${LINE_MAX} characters`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw problem("is no JSON");
  }
  const { board, season, incarnation, shard, n } = (parsed ?? {}) as Record<string, unknown>;
  if (typeof board !== "string" || typeof incarnation !== "string" || !isWhole(season) || !isWhole(shard)) {
    throw problem("lacks board, season, incarnation or shard");
  }
  if (n !== undefined && !isWhole(n)) throw problem("has an n that is no whole number");
  return { board, season, incarnation, shard, n };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
