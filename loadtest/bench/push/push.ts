/** `npm run bench -- push`: thousands of connected players with live ranks on a board of ten million, while it changes. */
import { sleep, within } from "../../../server/base/clock.ts";
import { createHasher } from "../../../server/leaderboard/hashing.ts";
import { redisCpuUs } from "../../processes/redis-server.ts";
import type { ServerProcess } from "../../processes/server-process.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { inLanes } from "../lanes.ts";
import { postPaced } from "../paced-posts.ts";
import { type DeepBoard, deepBoard } from "../ranks/deep-board.ts";
import { ScoreClient } from "../score-client.ts";
import { SCORE_MAX } from "../score-laws.ts";
import { percentile } from "../statistics.ts";
import { Player } from "./player.ts";

const BOARD = "crowd";
const BATCH = 1_000;
const OPENING = 50;
const PUSH_MS = 15_000;

export const pushBench: Bench = {
  name: "push",
  summary: "live personal ranks of 5,000 players under 20,000 score events/s (about 5 minutes)",
  run: async (context) => {
    const { quick, say, report } = context;
    const store = await context.startRedis();
    const redis = await store.connect();
    const hasher = await createHasher();
    const size = quick ? 5_000 : 10_000_000;
    const deep = await deepBoard(
      redis,
      BOARD,
      { size, shards: 8, law: "normal", writers: "player" },
      { hasher, say },
    );
    const server = await context.startServer(store, { SOCKETS_MAX: "20000" });
    const before = await server.usage({ collect: true });
    const players = await connect(server, deep, quick ? 50 : 5_000);
    say(`${players.length} players follow their ranks`);
    // The first rank index comes within some seconds.
    await sleep(quick ? 3_000 : 10_000);
    const after = await server.usage({ collect: true });
    report("player.rss", {
      value: (after.rssBytes - before.rssBytes) / players.length / 1024,
      unit: "KiB/player",
    });
    await measureLoad(context, server, deep, players, () => redisCpuUs(redis));
    await measureLag(context, server, deep, players);
    for (const player of players) player.close();
  },
};

/** A tenth of them in the published top, the others at every depth. */
async function connect(
  server: ServerProcess,
  { memberAt, size }: DeepBoard,
  count: number,
): Promise<Player[]> {
  const members = Array.from({ length: count }, (_, i) =>
    memberAt(Math.floor((size - 1) * (i / count) ** 3)),
  );
  const players: Player[] = [];
  await inLanes(OPENING, [...new Set(members)], async (member, i) => {
    // Some are signed in, so that they can submit; the others are followed by spectators, which costs the server the same.
    const token = i % 25 === 0 ? { token: await server.signIn(member) } : {};
    const player = new Player(server.url, BOARD, { member, ...token });
    await player.follow();
    players.push(player);
  });
  return players;
}

/** Server CPU and pushes while game servers write. */
async function measureLoad(
  { quick, report, say }: BenchContext,
  server: ServerProcess,
  deep: DeepBoard,
  players: readonly Player[],
  redisCpu: () => Promise<number>,
): Promise<void> {
  const perSecond = quick ? 2_000 : 20_000;
  const seconds = quick ? 3 : 20;
  const client = new ScoreClient(server.port, BOARD);
  const bodies = Array.from({ length: 40 }, () => randomBody(deep, new Set()));
  const sent = { pushes: count(players), usage: await server.usage(), redis: await redisCpu() };
  const startedAt = performance.now();
  const underWay: Promise<void>[] = [];
  for (let batch = 0; batch < (perSecond / BATCH) * seconds; batch++) {
    await sleep(startedAt + (batch * 1000 * BATCH) / perSecond - performance.now());
    underWay.push(client.post(bodies[batch % bodies.length]!));
  }
  await Promise.all(underWay);
  const took = (performance.now() - startedAt) / 1000;
  const events = (perSecond * seconds) / took;
  const { cpuUs } = await server.usage();
  say(`${Math.round(events)} events/s for ${took.toFixed(0)} s`);
  report("load.events", { value: events, unit: "events/s" });
  report("load.server-cpu", { value: (cpuUs - sent.usage.cpuUs) / took / 1e4, unit: "% of a core" });
  report("load.redis-cpu", { value: ((await redisCpu()) - sent.redis) / took / 1e4, unit: "% of a core" });
  report("load.pushes", { value: (count(players) - sent.pushes) / took, unit: "pushes/s" });
  client.close();
}

/** From a submission's acknowledgement to the pushed rank with its score, on the player's own socket and from a game server. */
async function measureLag(
  { quick, report }: BenchContext,
  server: ServerProcess,
  deep: DeepBoard,
  players: readonly Player[],
): Promise<void> {
  const client = new ScoreClient(server.port, BOARD);
  const stopped = new AbortController();
  const signedIn = players.filter(({ signedIn }) => signedIn).slice(0, quick ? 2 : 150);
  // Whose lag is measured must not get another score in between.
  const measured = new Set(signedIn.map(({ member }) => member));
  const bodies = Array.from({ length: 20 }, () => randomBody(deep, measured));
  const load = postPaced(client, bodies, {
    perSecond: (quick ? 1_000 : 20_000) / BATCH,
    signal: stopped.signal,
  });
  const own: number[] = [];
  const others: number[] = [];
  for (const [i, player] of signedIn.entries()) {
    const score = SCORE_MAX / 4 + 1_000 * i;
    others.push(await lagOf(player, score, () => client.submit([{ member: player.member, score }])));
    own.push(await lagOf(player, score + 2, () => player.submit(score + 2)));
  }
  stopped.abort();
  await load;
  client.close();
  report("lag.own-socket.p50", { value: percentile(own, 0.5), unit: "ms" });
  report("lag.own-socket.p99", { value: percentile(own, 0.99), unit: "ms" });
  report("lag.game-server.p50", { value: percentile(others, 0.5), unit: "ms" });
  report("lag.game-server.p99", { value: percentile(others, 0.99), unit: "ms" });
}

async function lagOf(player: Player, score: number, submit: () => Promise<void>): Promise<number> {
  const told = new Promise<number>((resolve) => {
    player.onStanding = (standing) => {
      if (standing.score === score) resolve(performance.now());
    };
  });
  await submit();
  const acknowledgedAt = performance.now();
  const late = (): Error => new Error(`no rank with the score ${score} for ${player.member}`);
  return Math.max(0, (await within(PUSH_MS, told, late)) - acknowledgedAt);
}

function randomBody({ memberAt, size }: DeepBoard, without: ReadonlySet<string>): Buffer {
  const members = Array.from({ length: BATCH }, () => memberAt(Math.floor(Math.random() * size)));
  const submissions = members
    .filter((member) => !without.has(member))
    .map((member) => ({ member, score: Math.floor(Math.random() * SCORE_MAX) }));
  return ScoreClient.encode(submissions);
}

function count(players: readonly Player[]): number {
  return players.reduce((sum, { pushes }) => sum + pushes, 0);
}
