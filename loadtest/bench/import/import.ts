/** `npm run bench -- import`: lines a second into a board over HTTP, NDJSON and CSV, packed and wide, and with an archiver beside it. */
import { Readable } from "node:stream";
import type { BoardDefinition } from "../../../server/leaderboard/board-schema.ts";
import { redisCpuUs } from "../../processes/redis-server.ts";
import { ADMIN_KEY, type ServerProcess } from "../../processes/server-process.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { seconds } from "../lanes.ts";
import { Turns } from "../statistics.ts";

const LINES = 100_000;
const QUICK_LINES = 5_000;
const TURNS = 3;
/** Lines that are sent at once. */
const PIECE = 1_000;
const SHARDS = 8;

const BOARDS: Readonly<Record<"packed" | "wide", BoardDefinition>> = {
  packed: { operator: "best", shards: SHARDS },
  wide: {
    operator: "best",
    shards: SHARDS,
    ties: "earliest",
    columns: [
      { name: "score", type: "float" },
      { name: "since", type: "int64" },
    ],
  },
};

export const importBench: Bench = {
  name: "import",
  summary: "100,000 lines into a board over HTTP, NDJSON and CSV (about a minute)",
  run: async (context) => {
    const target = { atLeast: 50_000 };
    for (const layout of ["packed", "wide"] as const) {
      for (const format of ["ndjson", "csv"] as const) {
        await measure(context, { name: `${layout}.${format}`, layout, format, settings: {}, target });
      }
    }
    const archived = { ROLES: "gateway,merger,archiver", ...databaseOf() };
    const name = `packed.ndjson.archived-in-${databaseOf().DATABASE_URL === undefined ? "pglite" : "postgresql"}`;
    await measure(context, { name, layout: "packed", format: "ndjson", settings: archived });
  },
};

type Measured = {
  name: string;
  layout: keyof typeof BOARDS;
  format: "ndjson" | "csv";
  settings: Record<string, string>;
  target?: { atLeast: number };
};

async function measure(
  context: BenchContext,
  { name, layout, format, settings, target }: Measured,
): Promise<void> {
  const store = await context.startRedis();
  const server = await context.startServer(store, settings);
  const redis = await store.connect();
  const lines = context.quick ? QUICK_LINES : LINES;
  const pieces = Array.from({ length: lines / PIECE }, (_, i) => pieceOf(i, layout, format));
  if (format === "csv") pieces.unshift(Buffer.from(`member,score${layout === "wide" ? ",since" : ""}\n`));
  const figures = new Turns<"rate" | "own" | "redis">();
  for (let turn = 0; turn < (context.quick ? 1 : TURNS); turn++) {
    const board = `import-${turn}`;
    await server.createBoard(board, BOARDS[layout]);
    const [{ cpuUs }, redisBefore] = [await server.usage(), await redisCpuUs(redis)];
    figures.add("rate", lines / (await seconds(() => send(server, { board, format, pieces, lines }))));
    figures.add("own", ((await server.usage()).cpuUs - cpuUs) / lines);
    figures.add("redis", ((await redisCpuUs(redis)) - redisBefore) / lines);
  }
  await server.stop();
  await store.stop();
  const goal = context.quick ? undefined : target;
  context.report(name, { value: figures.median("rate"), unit: "lines/s" }, goal);
  // On two cores that nobody else uses they run side by side: 50,000 a second are 20 µs of each.
  const each = goal && { atMost: 20 };
  context.report(`${name}.cpu`, { value: figures.median("own"), unit: "µs/line" }, each);
  context.report(`${name}.redis-cpu`, { value: figures.median("redis"), unit: "µs/line" }, each);
}

type Sent = { board: string; format: string; pieces: readonly Buffer[]; lines: number };

async function send(server: ServerProcess, { board, format, pieces, lines }: Sent): Promise<void> {
  const response = await fetch(`${server.url}/v1/admin/boards/${board}/import?format=${format}`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/octet-stream" },
    body: Readable.from(pieces) as unknown as NonNullable<RequestInit["body"]>,
    duplex: "half",
  } as RequestInit);
  const answer = (await response.json()) as { written?: number };
  if (answer.written !== lines) throw new Error(`not ${lines} lines were written: ${JSON.stringify(answer)}`);
}

function pieceOf(index: number, layout: string, format: string): Buffer {
  const lines = Array.from({ length: PIECE }, (_, i) => {
    const at = index * PIECE + i;
    const [member, score, since] = [`player-${at}`, (at * 7_919) % 1e9, String(10n ** 17n + BigInt(at))];
    if (format === "csv") return `${member},${score}${layout === "wide" ? `,${since}` : ""}\n`;
    return `${JSON.stringify({ member, score, ...(layout === "wide" ? { columns: { since } } : {}) })}\n`;
  });
  return Buffer.from(lines.join(""));
}

function databaseOf(): Record<string, string> {
  const url = process.env.BENCH_DATABASE_URL;
  return url === undefined ? {} : { DATABASE_URL: url };
}
