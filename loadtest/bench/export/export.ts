/** `npm run bench -- export`: entries a second from the tables to the last byte of NDJSON and CSV, on PGlite and PostgreSQL. */
import { rmSync } from "node:fs";
import { BoardMirror } from "../../../server/archive/board-mirror.ts";
import { createLog } from "../../../server/base/log.ts";
import { parseConfig } from "../../../server/config.ts";
import { Database } from "../../../server/database/database.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../../server/leaderboard/board-repository.ts";
import { databaseOptions } from "../../../server/options.ts";
import { copySeason } from "../../../server/transfer/export-copy.ts";
import { exportText } from "../../../server/transfer/export-text.ts";
import {
  type ExportHeader,
  seasonTimes,
  type TransferFormat,
} from "../../../server/transfer/transfer-line.ts";
import { newDataFolder } from "../../processes/data-folder.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { openBoard } from "../boards.ts";
import { seconds } from "../lanes.ts";
import { fillTables } from "../rebuild/stored-board.ts";
import { Turns } from "../statistics.ts";

const ENTRIES = 1_000_000;
const QUICK_ENTRIES = 5_000;
const TURNS = 3;

export const exportBench: Bench = {
  name: "export",
  summary:
    "a million entries out of the tables as text; PostgreSQL too with BENCH_DATABASE_URL (about 3 minutes)",
  run: async (context) => {
    await onDatabase(context, "pglite", undefined);
    const url = process.env.BENCH_DATABASE_URL;
    if (url === undefined) context.say("PostgreSQL is left out: BENCH_DATABASE_URL names none");
    else await onDatabase(context, "postgresql", url);
  },
};

async function onDatabase(context: BenchContext, kind: string, url: string | undefined): Promise<void> {
  const dataDir = newDataFolder();
  const config = parseConfig({ DATA_DIR: dataDir, ...(url === undefined ? {} : { DATABASE_URL: url }) });
  const log = createLog({ level: "error", pretty: false });
  const database = new Database({ ...databaseOptions(config), timeoutMs: 300_000, log });
  const server = await context.startRedis();
  try {
    const redis = await server.connect();
    const open = await openBoard(redis, `export-${Date.now()}`, { operator: "set" });
    const stored = await createRedisBoardRepository(redis).get(open.board.id);
    await new BoardMirror(database).mirror(stored!.record);
    const entries = context.quick ? QUICK_ENTRIES : ENTRIES;
    context.say(`  ${kind}: ${entries} entries into the tables`);
    await fillTables(database, open, entries);
    await measure(context, { database, dataDir, open, kind, entries });
  } finally {
    await server.stop();
    await database.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

type Measured = { database: Database; dataDir: string; open: OpenBoard; kind: string; entries: number };

/** In this process and without HTTP: the copy that the tables are read into, then all of its text. */
async function measure(
  context: BenchContext,
  { database, dataDir, open, kind, entries }: Measured,
): Promise<void> {
  const rates = new Turns<"copy" | TransferFormat>();
  const options = { database, dataDir, spoolBytesMax: 1e10, changesMax: 1_000_000 };
  for (let turn = 0; turn < (context.quick ? 1 : TURNS); turn++) {
    for (const format of ["ndjson", "csv"] as const) {
      const startedAt = performance.now();
      const { shards, ...copy } = await copySeason(options, open, new AbortController().signal);
      const copied = (performance.now() - startedAt) / 1_000;
      if (copy.total !== entries) throw new Error(`${copy.total} entries instead of ${entries}`);
      const header = { ...headerOf(open), shards, total: copy.total };
      const told = await seconds(async () => {
        for await (const _ of exportText({ ...copy, header, open }, format));
      });
      rates.add("copy", entries / copied);
      rates.add(format, entries / (copied + told));
    }
  }
  for (const what of ["copy", "ndjson", "csv"] as const)
    context.report(`${kind}.${what}`, { value: rates.median(what), unit: "entries/s" });
}

function headerOf({ board, season }: OpenBoard): Omit<ExportHeader, "shards" | "total"> {
  const { id, ...definition } = board;
  const exportedAt = new Date().toISOString();
  const of = { board: id, season: season.number, state: "open" as const, definition, exportedAt };
  return { rankwire: "export", version: 1, ...of, ...seasonTimes(season) };
}
