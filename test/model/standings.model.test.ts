/**
 * At quiescence every pushed rank is within its stated error of the true one, for players at every depth, under every law of scores; in the
 * published top it is exact. Scores come through another process, so nothing but Redis tells of them.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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

async function submit(board: string, scores: Iterable<[string, number]>): Promise<void> {
  const submissions = Array.from(scores, ([member, score]) => ({ member, score }));
  for (let at = 0; at < submissions.length; at += 2_000) {
    const body = { submissions: submissions.slice(at, at + 2_000) };
    const { status } = await writing.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body });
    expect(status).toBe(200);
  }
}

/** 1 + members with a better score, for each of some. */
function trueRanks(scores: Map<string, number>, order: "desc" | "asc"): Map<string, number> {
  const sign = order === "desc" ? -1 : 1;
  const sorted = [...scores].sort(([, a], [, b]) => sign * (a - b));
  const ranks = new Map<string, number>();
  sorted.forEach(([member, score], i) => {
    const before = sorted[i - 1];
    ranks.set(member, before && before[1] === score ? ranks.get(before[0])! : i + 1);
  });
  return ranks;
}

async function runLaw(law: LawName, order: "desc" | "asc"): Promise<void> {
  const random = randomFrom(SEED);
  const board = uniqueBoard("law");
  const columns = [{ name: "score", max: 2 * SCORE_MAX }];
  await watching.createBoard(board, { operator: "set", order, shards: 4, topSize: TOP, columns });
  const scores = new Map(Array.from({ length: MEMBERS }, (_, i) => [`m${i}`, LAWS[law](random())]));
  await submit(board, scores);
  const client = await new StandingClient(watching.url).connected();
  // Of all depths, more of them near the top.
  const ranked = [...trueRanks(scores, order)].sort(([, a], [, b]) => a - b).map(([member]) => member);
  const followed = Array.from(
    { length: FOLLOWED },
    (_, i) => ranked[Math.floor((MEMBERS - 1) * (i / FOLLOWED) ** 2)]!,
  );
  for (const member of new Set(followed)) await client.me(board, member);
  for (const share of [0.05, 0.5, 0.002]) {
    const changes = [...scores]
      .filter(() => random() < share)
      .map(([member, score]): [string, number] => {
        return [
          member,
          random() < 0.5 ? LAWS[law](random()) : Math.min(2 * SCORE_MAX, score + LAWS[law](random())),
        ];
      });
    await submit(board, changes);
    for (const [member, score] of changes) scores.set(member, score);
    const truth = trueRanks(scores, order);
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
        runLaw(law, order),
      );
    }
  }
});
