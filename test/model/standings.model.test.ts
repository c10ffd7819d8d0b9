/**
 * At quiescence every pushed rank is within its stated error of the true one, for players at every depth, under every law of scores; in the
 * published top it is exact. Scores come through another process, so nothing but Redis tells of them.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom } from "../../demo/random.ts";
import { LAW_NAMES, LAWS, type LawName, SCORE_MAX } from "../../loadtest/bench/score-laws.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
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
  watching = await startServer(sharedRedisUrl(), {
    INDEX_MS: "100",
    INDEX_SHARE: "0.5",
    SUBSCRIPTIONS_MAX: followed,
  });
  writing = await startServer(sharedRedisUrl(), { ROLES: "gateway" });
});
afterAll(async () => {
  await writing.stop();
  await watching.stop();
});

/** A board, how its scores are drawn, and whether a column beside them decides, which no index of scores can know. */
type Kind = { columns: BoardDefinition["columns"]; score: (law: number) => number; hasLow: boolean };
type Lows = Map<string, number>;
const KINDS = {
  packed: {
    columns: [{ name: "score", max: 2 * SCORE_MAX }],
    score: (law) => law,
    hasLow: false,
  },
  wide: {
    columns: [
      { name: "score", type: "float" },
      { name: "low", type: "int64" },
    ],
    score: (law) => law / 7 - SCORE_MAX / 14,
    hasLow: true,
  },
} as const satisfies Record<string, Kind>;

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

async function runLaw(law: LawName, order: "desc" | "asc", kind: Kind): Promise<void> {
  const { columns, hasLow } = kind;
  const drawn = (): number => kind.score(LAWS[law](random()));
  const random = randomFrom(SEED);
  const board = uniqueBoard("law");
  await watching.createBoard(board, { operator: "set", order, shards: 4, topSize: TOP, columns });
  const scores = new Map(Array.from({ length: MEMBERS }, (_, i) => [`m${i}`, drawn()]));
  const lows: Lows = new Map();
  const drawLow = (member: string): unknown => hasLow && lows.set(member, Math.floor(random() * 7));
  for (const member of scores.keys()) drawLow(member);
  await submit(board, scores, lows);
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
        // Some keep their score, and on a wide board only the rest of their place changes.
        drawLow(member);
        if (hasLow && random() < 0.3) return [member, score];
        return [member, random() < 0.5 ? drawn() : Math.min(2 * SCORE_MAX, score + LAWS[law](random()))];
      });
    await submit(board, changes, lows);
    for (const [member, score] of changes) scores.set(member, score);
    const truth = trueRanks(scores, order, lows);
    await eventually(
      () => {
        for (const member of followed) {
          const { rank, error, exact, score } = client.last.get(member)!;
          expect(score, `${member}'s score`).toBe(scores.get(member));
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
    for (const order of ["desc", "asc"] as const) {
      test(`are true within their error: ${law}, ${order} (seed ${SEED})`, { timeout: 60_000 }, () =>
        runLaw(law, order, KINDS.packed),
      );
    }
  }
  for (const law of ["normal", "tied"] as const) {
    test(`are true within their error on a wide board: ${law} (seed ${SEED})`, { timeout: 60_000 }, () =>
      runLaw(law, "desc", KINDS.wide),
    );
  }
});
