/** Brings the current entries of one shard to the tables as Redis has them, when its log cannot tell them. */
import type { LogReader, ScannedPage } from "../archive/log-reader.ts";
import type { ArchivedShard } from "../archive/positions.ts";
import { ShardMirror } from "../archive/shard-mirror.ts";
import type { Log } from "../base/log.ts";
import type { Database } from "../database/database.ts";
import type { ArchivedSeason } from "./archived-boards.ts";

export type ShardScanOptions = { database: Database; reader: LogReader; log: Log };

const PAGE = 500;

export class ShardScan {
  readonly #season: ArchivedSeason;
  readonly #options: ShardScanOptions;
  readonly #mirror: ShardMirror;

  constructor(season: ArchivedSeason, options: ShardScanOptions) {
    this.#season = season;
    this.#options = options;
    this.#mirror = new ShardMirror(options.database);
  }

  /** Afterwards the shard's rows are at least as new as the call. @throws AppError unavailable, store_lost */
  async mirror(shard: ArchivedShard): Promise<void> {
    const { open } = this.#season;
    const [head] = await this.#options.reader.heads([open.shards[shard.shard]!]);
    const places = open.layout.kind === "packed" ? (["entries", "hidden"] as const) : (["places"] as const);
    for (const from of places) await this.#mirrorAll(shard, from);
    await this.#mirror.deleteGone(shard, head!.n);
  }

  async #mirrorAll(shard: ArchivedShard, from: "entries" | "hidden" | "places"): Promise<void> {
    const { open } = this.#season;
    const keys = open.shards[shard.shard]!;
    let cursor: string | undefined = "0";
    while (cursor !== undefined) {
      const page: ScannedPage = await this.#options.reader.scan(keys, open.season.incarnation, {
        from,
        cursor,
        count: PAGE,
      });
      // Stale: another archiver has gone on meanwhile, and the same cursor shows who is there now.
      if ((await this.#mirror.write(shard, page.n, page.members)) === "stale") continue;
      cursor = page.cursor === "0" ? undefined : page.cursor;
    }
  }
}
