/** `rankwire verify`: Redis and the database, entry by entry, while submissions go on. Ends with 1 where they differ. */

import { Command } from "commander";
import { configFromEnvironment } from "../config.ts";
import type { Difference } from "../recovery/compare-members.ts";
import type { SeasonComparison } from "../recovery/compare-season.ts";
import { type VerifyReport, verify } from "../recovery/verify.ts";
import { counted } from "./answer-text.ts";
import { quantity } from "./capacity-command.ts";
import type { Print } from "./commands.ts";
import { withRecoveryConnections } from "./recovery-connections.ts";

type Options = { board?: string[]; waitMs: number; json?: boolean };

const WAIT_MS = 10_000;
/** Lines for people; `--json` has more. */
const SHOWN = 20;

export function verifyCommand(print: Print): Command {
  return new Command("verify")
    .option("--board <id...>", "these boards only (default: all)")
    .option("--wait-ms <ms>", "how long the database may be behind Redis", quantity, WAIT_MS)
    .option("--json", "the report as JSON")
    .action(async ({ board: boards, waitMs, json }: Options) => {
      const report = await withRecoveryConnections(configFromEnvironment(), (connections) =>
        verify({ ...connections, waitMs, boards }),
      );
      print(json === true ? JSON.stringify(report, undefined, 2) : verifyText(report));
      if (report.differences > 0) process.exitCode = 1;
    });
}

/** For people. */
export function verifyText(report: VerifyReport): string {
  const { seasons, onlyInArchive, onlyInRedis, outdated, differences } = report;
  const lines = [
    ...seasons.flatMap(seasonLines),
    ...onlyInArchive.map(
      (board) => `${board}: Redis does not know it. After a loss of Redis: rankwire rebuild`,
    ),
    ...onlyInRedis.map(
      (board) => `${board}: the database does not know it. Does a process with the role archiver run?`,
    ),
    ...outdated.map(
      (board) =>
        `${board}: Redis has an older copy of it than the database, and it is not archived: rankwire rebuild --board ${board} --force`,
    ),
    differences === 0 ? "No differences." : `${counted(differences, "difference")}.`,
  ];
  return lines.join("\n");
}

function seasonLines({ board, season, shards, differences, found, unsettled }: SeasonComparison): string[] {
  const entries = shards.reduce((sum, shard) => sum + shard.entries.redis, 0);
  const byHash = shards.filter(({ compared }) => compared === "by hash").length;
  const head = `${board}, season ${season}: ${entries} entries, ${byHash} of ${shards.length} shards are equal by hash, ${counted(found, "difference")}`;
  const shown = differences.slice(0, SHOWN).map((difference) => `  ${differenceText(difference)}`);
  return [
    head,
    ...shown,
    ...(found > shown.length ? [`  … and ${found - shown.length} more`] : []),
    ...(unsettled > 0 ? [`  ${unsettled} times an entry changed whenever it was looked at`] : []),
  ];
}

function differenceText({ reason, shard, member, redis, archive }: Difference): string {
  const side = (entry: typeof redis): string =>
    entry ? `${entry.key}${entry.rest === "" ? "" : ` ${entry.rest}`} (visibility ${entry.visibility})` : "-";
  const where = member === undefined ? `shard ${shard}` : `shard ${shard}, ${member}`;
  return member === undefined
    ? `${reason}: ${where}`
    : `${reason}: ${where}: Redis ${side(redis)}, database ${side(archive)}`;
}
