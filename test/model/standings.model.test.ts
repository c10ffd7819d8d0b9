/**
 * At quiescence every pushed rank is within its stated error of the true one, for players at every depth, under every law of scores; in the
 * published top it is exact. Scores come through another process, so nothing but Redis tells of them.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BoardLayout } from "../../client-sdk/protocol/messages.ts";
import { randomFrom } from "../../demo/random.ts";
import { LAW_NAMES, LAWS, type LawName, SCORE_MAX } from "../../loadtest/bench/score-laws.ts";
import { eventually } from "../support/eventually.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";

const MEMBERS = 4_000;
const FOLLOWED = 200;
const TOP = 100;
const SEED = 20_261_125;

let watching: TestServer;
let writing: TestServer;

beforeAll(async () => {
  const followed = String(FOLLOWED);
  // The bus is off: nothing depends on it.
  const CONTROL_PLANE = "off";
  watching = await startServer(sharedRedisUrl(), {
    INDEX_MS: "100",
    INDEX_SHARE: "0.5",
    SUBSCRIPTIONS_MAX: followed,
    CONTROL_PLANE,
  });
  writing = await startServer(sharedRedisUrl(), { ROLES: "gateway", CONTROL_PLANE });
});
afterAll(async () => {
  await writing.stop();
  await watching.stop();
});

/** What a column beside the score says of members; empty where there is none. */
type Lows = Map<string, number>;

async function submit(board: string, scores: Iterable<[string, number]>, lows: Lows): Promise<void> {
  const submissions = Array.from(scores, ([member, score]) => {
    const low = lows.get(member);
    return low === undefined ? { member, score } : { member, score, columns: { low } };
  });
  for (let at = 0; at < submissions.length; at += 2_000) {
    const body = { submissions: submissions.slice(at, at + 2_000) };
    const { status } = await writing.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body });
    expect(status).toBe(200);
  }
}

/** 1 + members with better values, for each of some. */
function trueRanks(scores: Map<string, number>, order: "desc" | "asc", lows: Lows): Map<string, number> {
  const low = (member: string): number => lows.get(member) ?? 0;
  const sign = order === "desc" ? -1 : 1;
  const sorted = [...scores].sort(([x, a], [y, b]) => sign * (a - b || low(x) - low(y)));
  const ranks = new Map<string, number>();
  sorted.forEach(([member, score], i) => {
    const before = sorted[i - 1];
    const tied = before !== undefined && before[1] === score && low(before[0]) === low(member);
    ranks.set(member, tied ? ranks.get(before[0])! : i + 1);
  });
  return ranks;
}

type Order = "desc" | "asc";
type Column = { name: string; max?: number; type?: "float" | "int64" };
type Kind = { layout: BoardLayout; columns: Column[]; score: (points: number) => number };

const thirds = (points: number): number => points / 3 - SCORE_MAX / 7;
/**
 * Packed: integers below 2^53. Wide: any float64, here halves and thirds, negative ones too. With a rest: a second column decides, which an
 * index of scores does not know.
 */
const KINDS = {
  packed: { layout: "packed", columns: [{ name: "score", max: 2 * SCORE_MAX }], score: (points) => points },
  wide: { layout: "wide", columns: [{ name: "score", type: "float" }], score: thirds },
  "wide with a rest": {
    layout: "wide",
    columns: [
      { name: "score", type: "float" },
      { name: "low", type: "int64" },
    ],
    score: thirds,
  },
} satisfies Record<string, Kind>;

async function runLaw(law: LawName, order: Order, kind: keyof typeof KINDS): Promise<void> {
  const { columns, layout, score: scoreOf }: Kind = KINDS[kind];
  const random = randomFrom(SEED);
  const board = uniqueBoard("law");
  const definition = { operator: "set", order, shards: 4, topSize: TOP, columns } as const;
  expect(await watching.createBoard(board, definition)).toMatchObject({ layout });
  /** In points, whose order is that of scores. */
  const scores = new Map(Array.from({ length: MEMBERS }, (_, i) => [`m${i}`, LAWS[law](random())]));
  const lows: Lows = new Map();
  const drawLow = (member: string): unknown =>
    columns.length > 1 && lows.set(member, Math.floor(random() * 7));
  for (const member of scores.keys()) drawLow(member);
  const submitPoints = (points: Iterable<[string, number]>): Promise<void> =>
    submit(
      board,
      Array.from(points, ([member, amount]) => [member, scoreOf(amount)]),
      lows,
    );
  await submitPoints(scores);
  const client = await new StandingClient(watching.url).connected();
  // Of all depths, more of them near the top.
  const ranked = [...trueRanks(scores, order, lows)].sort(([, a], [, b]) => a - b).map(([member]) => member);
  const followed = Array.from(
    { length: FOLLOWED },
    (_, i) => ranked[Math.floor((MEMBERS - 1) * (i / FOLLOWED) ** 2)]!,
  );
  for (const member of new Set(followed)) await client.me(board, member);
  for (const share of [0.05, 0.5, 0.002]) {
    const changes = [...scores]
      .filter(() => random() < share)
      .map(([member, score]): [string, number] => {
        // Of some only the rest changes.
        drawLow(member);
        if (columns.length > 1 && random() < 0.3) return [member, score];
        return [
          member,
          random() < 0.5 ? LAWS[law](random()) : Math.min(2 * SCORE_MAX, score + LAWS[law](random())),
        ];
      });
    await submitPoints(changes);
    for (const [member, score] of changes) scores.set(member, score);
    const truth = trueRanks(scores, order, lows);
    await eventually(
      () => {
        for (const member of followed) {
          const { rank, error, exact, score } = client.last.get(member)!;
          expect(score, `${member}'s score`).toBe(scoreOf(scores.get(member)!));
          const off = Math.abs(rank! - truth.get(member)!);
          expect(off, `${member} at ${truth.get(member)}, said ${rank} ± ${error}`).toBeLessThanOrEqual(
            error,
          );
          if (truth.get(member)! <= TOP - 1)
            expect({ member, exact, error }).toEqual({ member, exact: true, error: 0 });
        }
      },
      { withinMs: 10_000, everyMs: 100 },
    );
  }
  client.close();
}

describe("pushed ranks at quiescence", () => {
  for (const law of LAW_NAMES) {
    for (const [kind, order] of [
      ["packed", "desc"],
      ["packed", "asc"],
      [law === "uniform" || law === "zipf" ? "wide" : "wide with a rest", "desc"],
    ] as const) {
      const name = `are true within their error: ${law}, ${kind}, ${order} (seed ${SEED})`;
      test(name, { timeout: 60_000 }, () => runLaw(law, order, kind));
    }
  }
});
