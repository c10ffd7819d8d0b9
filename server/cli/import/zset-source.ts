/**
 * A plain Redis ZSET as a source, read by ZSCAN: it may be of any size, and may change meanwhile. Whoever is there all the time comes at
 * least once; twice is as once. It is sent in portions that are kept until the server has them, because another scan has another order.
 */
import { isUtf8 } from "node:buffer";
import { createLog } from "../../base/log.ts";
import { connectCommand } from "../../redis/connect.ts";
import type { RedisStore } from "../../redis/store.ts";
import { jsonOf } from "../api-answers.ts";
import type { ApiClient } from "../api-client.ts";
import { refuse } from "../api-failure.ts";
import { adminPathOf } from "../board-paths.ts";
import {
  ERRORS_MAX,
  type ImportSource,
  type SendOptions,
  type Sent,
  type SourceEntry,
} from "./import-source.ts";
import { persistently } from "./persistent-call.ts";

/** Elements that Redis is asked for at once, about. */
const SCANNED = 1_000;
/** Entries of one call. */
const PORTION = 50_000;

type Answer = Omit<Sent, "errors"> & { errors: { line: number; code: string; message: string }[] };
type Numbered = SourceEntry & { score: number };

/** Calls with the ZSET, and closes the connection. @throws Error for people */
export async function withZset<T>(
  url: string,
  key: string,
  use: (source: ImportSource) => Promise<T>,
): Promise<T> {
  const log = createLog({ level: "silent", pretty: false });
  const redis = await connectCommand({ target: { url }, log, commandTimeoutMs: 30_000 });
  try {
    const type = await redis.type(key);
    if (type !== "zset") {
      refuse(
        type === "none" ? `There is no key ${key}.` : `The key ${key} holds a ${type}, not a sorted set.`,
        "Give the key of a sorted set by --redis-key, and its database in the URL.",
      );
    }
    const entries = (): AsyncGenerator<SourceEntry[]> => scan(redis, key);
    return await use({
      size: async () => ({ total: await redis.zcard(key), unit: "entries" }),
      send: (api, options) => send(api, entries(), options),
      definition: async () => undefined,
      entries,
    });
  } finally {
    redis.disconnect();
  }
}

async function* scan(redis: RedisStore, key: string): AsyncGenerator<SourceEntry[]> {
  let cursor = "0";
  do {
    const [next, flat] = await redis.zscanBuffer(key, cursor, "COUNT", SCANNED);
    cursor = String(next);
    const entries: SourceEntry[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) entries.push(entryOf(flat[i]!, String(flat[i + 1])));
    if (entries.length > 0) yield entries;
  } while (cursor !== "0");
}

function entryOf(bytes: Buffer, text: string): SourceEntry {
  const member = bytes.toString();
  const where = JSON.stringify(member);
  if (!isUtf8(bytes)) return { where, member, problem: "The member is not UTF-8." };
  const score = Number(text);
  if (!Number.isFinite(score)) return { where, member, problem: `The score is ${text}.` };
  return { where, member, score, columns: {}, isHidden: false };
}

async function send(
  api: ApiClient,
  pages: AsyncIterable<SourceEntry[]>,
  options: SendOptions,
): Promise<Sent> {
  const sum: Sent = { lines: 0, written: 0, unchanged: 0, skipped: 0, failed: 0, errors: [] };
  let portion: Numbered[] = [];
  const flush = async (): Promise<void> => {
    if (portion.length > 0) add(sum, await sendPortion(api, portion, options), portion);
    options.onSent(portion.length);
    portion = [];
  };
  for await (const page of pages) {
    for (const entry of page) {
      if ("problem" in entry)
        refuseOne(sum, { where: entry.where, code: "bad_request", message: entry.problem });
      else portion.push(entry);
    }
    if (portion.length >= PORTION) await flush();
  }
  await flush();
  return sum;
}

async function sendPortion(
  api: ApiClient,
  portion: readonly Numbered[],
  { board, mode, dryRun }: SendOptions,
): Promise<Answer> {
  return persistently(async () => {
    const response = await api.upload(`${adminPathOf(board)}/import`, {
      query: { mode, dryRun },
      contentType: "application/x-ndjson",
      body: linesOf(portion),
    });
    return (await jsonOf(response)) as Answer;
  });
}

async function* linesOf(portion: readonly Numbered[]): AsyncGenerator<Buffer> {
  for (let at = 0; at < portion.length; at += SCANNED) {
    const lines = portion
      .slice(at, at + SCANNED)
      .map(({ member, score }) => JSON.stringify({ member, score }));
    yield Buffer.from(`${lines.join("\n")}\n`);
  }
}

function add(sum: Sent, answer: Answer, portion: readonly Numbered[]): void {
  sum.lines += answer.lines;
  sum.written += answer.written;
  sum.unchanged += answer.unchanged;
  sum.skipped += answer.skipped;
  sum.failed += answer.failed;
  const listed = answer.errors.map(({ line, ...error }) => ({ where: portion[line - 1]!.where, ...error }));
  sum.errors = [...sum.errors, ...listed].slice(0, ERRORS_MAX);
}

function refuseOne(sum: Sent, error: Sent["errors"][number]): void {
  sum.lines++;
  sum.failed++;
  if (sum.errors.length < ERRORS_MAX) sum.errors.push(error);
}
