/** `rankwire rebuild`: Redis from the database after a total loss, with a report of what is there again and up to where. */

import { Command } from "commander";
import { countEntries } from "../archive/stored-entries.ts";
import { type Config, configFromEnvironment } from "../config.ts";
import type { BoardReport, RebuildReport, SeasonReport } from "../recovery/rebuild.ts";
import { rebuild } from "../recovery/rebuild.ts";
import type { Print } from "./commands.ts";
import { progressBar } from "./progress-bar.ts";
import { withRecoveryConnections } from "./recovery-connections.ts";

type Options = { board?: string[]; force?: boolean; json?: boolean };

const WARNING =
  "--force: data that is there is deleted, and with it whatever the database does not have. Submissions are refused with store_lost until the board is open again.";

export function rebuildCommand(print: Print): Command {
  return new Command("rebuild")
    .option("--board <id...>", "these boards only (default: all that the database knows)")
    .option("--force", "also boards whose data is there: what the database does not have of them is lost")
    .option("--json", "the report as JSON")
    .action(async (options: Options) => {
      if (options.force === true) console.error(WARNING);
      const report = await rebuildNow(configFromEnvironment(), options);
      print(options.json === true ? JSON.stringify(report, undefined, 2) : reportText(report));
      // Who named a board wanted it rebuilt.
      if (options.board && report.boards.some(({ status }) => status === "there")) process.exitCode = 1;
    });
}

async function rebuildNow(config: Config, { board: boards, force = false }: Options): Promise<RebuildReport> {
  return withRecoveryConnections(config, async (connections) => {
    const bar = progressBar(await countEntries(connections.database, boards), "entries");
    const dedup = { windowMs: config.DEDUP_WINDOW_MS, idsMax: config.DEDUP_IDS_MAX };
    try {
      return await rebuild({
        ...connections,
        dedup,
        boards,
        force,
        onStep: ({ board, season, entries = 0 }) => bar.add(entries, `${board} ${season ?? ""}`),
      });
    } finally {
      bar.stop();
    }
  });
}

/** For people. */
export function reportText({ boards, entries, seconds }: RebuildReport): string {
  const rate = Math.round(entries / Math.max(seconds, 0.001)).toLocaleString("en");
  const lines = boards.flatMap(boardLines);
  if (boards.length === 0) lines.push("The database knows no board.");
  const all = `${entries.toLocaleString("en")} entries in ${seconds.toFixed(1)} s (${rate} a second).`;
  const rebuilt = boards.some(({ status }) => status === "rebuilt");
  return [
    ...lines,
    all,
    ...(rebuilt ? ["Whatever was submitted after the time of its shard is lost."] : []),
  ].join("\n");
}

function boardLines(report: BoardReport): string[] {
  if (report.status === "deleted") return [`${report.board}: was deleted, and stays so`];
  if (report.status === "there") {
    const { board, shards, of } = report;
    return [
      `${board}: left alone, ${shards} of its ${of} shards are there. To replace them by what the database has: --force`,
    ];
  }
  return [`${report.board}: rebuilt, revision ${report.revision}`, ...report.seasons.flatMap(seasonLines)];
}

function seasonLines({ season, entries, hidden, ids, shards }: SeasonReport): string[] {
  const isEmpty = ({ at, entries: count }: (typeof shards)[number]): boolean => at === null && count === 0;
  const last = shards
    .filter((shard) => !isEmpty(shard))
    .map(({ shard, n, at, entries: count, hash }) => {
      const upTo = at === null ? "the beginning" : `batch ${n} of ${at}`;
      return `    shard ${shard}: up to ${upTo}, ${count} entries, hash ${hash}`;
    });
  const empty = shards.filter(isEmpty).map(({ shard }) => shard);
  // What was submitted to those later is lost as well, so they are not left out.
  if (empty.length > 0) last.push(`    up to the beginning, without entries: shards ${empty.join(", ")}`);
  return [`  season ${season}: ${entries} entries, ${hidden} of them hidden, ${ids} ids`, ...last];
}
