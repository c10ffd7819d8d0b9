/** History: what the archiver keeps of feeds and ranks, and the reads of it. */
import type { ArchiverOptions } from "./archiver/archiver.ts";
import { keptLogMs } from "./archiver/retention.ts";
import type { Base, GatewayNeeds } from "./compose.ts";
import type { Config } from "./config.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { archivedUntil } from "./history/archive-age.ts";
import { MemberHistory } from "./history/member-history.ts";
import { PassedMembers } from "./history/passed-members.ts";
import { PastTops } from "./history/past-tops.ts";
import type { Hasher } from "./leaderboard/hashing.ts";

/** The archiver's side of it. */
export function historyOptions(config: Config): Pick<ArchiverOptions, "feeds" | "samples"> {
  return {
    feeds: {
      everyMs: config.HISTORY_MS,
      topFrames: config.HISTORY_TOP_FRAMES,
      topMs: config.HISTORY_TOP_MS,
    },
    samples: { everyMs: config.HISTORY_SAMPLE_MS, boundariesMax: config.HISTORY_SAMPLE_BOUNDARIES },
  };
}

export type HistoryReads = Pick<
  Gateway,
  "pastTops" | "memberHistory" | "passedMembers" | "archivedUntil" | "logKeptMs"
>;

/** The reads of it. */
export function historyReads(
  { config, database }: Base,
  { redis, hasher }: GatewayNeeds & { hasher: Hasher },
  {
    reader,
    pastSeasons: past,
    storedSeasons: seasons,
  }: Pick<Gateway, "reader" | "pastSeasons" | "storedSeasons">,
): HistoryReads {
  const rowsMax = config.HISTORY_SCAN_ROWS;
  const tops = new PastTops({ redis, database, seasons });
  return {
    pastTops: tops,
    memberHistory: new MemberHistory({ database, past, tops, hasher, rowsMax }),
    passedMembers: new PassedMembers({ database, reader, rowsMax }),
    archivedUntil: (open) => archivedUntil(redis, database, open),
    logKeptMs: ({ board }) => keptLogMs(board, config.DEDUP_WINDOW_MS),
  };
}
