/** What goes wrong in a run: every fault once, in an order and at instants that the seed gives, while Redis is lost beside them, twice. */
import { between, type Random } from "../../demo/random.ts";
import { sleep } from "../../server/base/clock.ts";
import type { ChaosWorld, Part } from "./chaos-world.ts";

export type Fault = { name: string; run: () => Promise<void> };
/** `isLoss`: Redis is empty afterwards. */
export type Loss = Fault & { isLoss: boolean };

/** In the order of the seed, with pauses between them. Resolves when the last one is over and everything runs again. */
export async function runFaults(
  faults: readonly Fault[],
  random: Random,
  say: (text: string) => void,
): Promise<void> {
  for (const { name, run } of shuffled(faults, random)) {
    await sleep(between(random, 50, 500));
    say(name);
    await run();
  }
}

/** @param boards whose season is ended by hand */
export function faultsOf(world: ChaosWorld, boards: readonly string[], random: Random): Fault[] {
  const [first = "", ...others] = boards;
  return [
    killed(world, "gateway", random),
    databaseAway(world, random),
    { name: `rollover of ${first}, seasons killed in it`, run: () => killedRollover(world, first, random) },
    ...others.map((board) => ({ name: `rollover of ${board}`, run: () => rollOver(world, board) })),
  ];
}

/** Ends the first season, if it is not over; the answer does not wait for the next one. */
export async function rollOver(world: ChaosWorld, board: string): Promise<void> {
  const path = `/v1/admin/boards/${board}/rollover`;
  await world.admin("POST", path, { season: 1 }).catch((error: unknown) => {
    if (!String(error).includes("season_closed")) throw error;
  });
}

function killed(world: ChaosWorld, part: Part, random: Random): Fault {
  return { name: `${part} killed`, run: () => world.killed(part, () => sleep(between(random, 0, 1_000))) };
}

function databaseAway(world: ChaosWorld, random: Random): Fault {
  const { postgres } = world;
  const holderKilled = async (): Promise<void> => {
    await world.killed(await world.pgliteHolder(), () => sleep(between(random, 0, 1_000)));
  };
  if (!postgres) return { name: "the process that serves PGlite killed", run: holderKilled };
  const run = async (): Promise<void> => {
    await postgres.kill();
    await sleep(between(random, 300, 2_000));
    await postgres.start();
  };
  return { name: "PostgreSQL away", run };
}

async function killedRollover(world: ChaosWorld, board: string, random: Random): Promise<void> {
  await rollOver(world, board);
  // From its preparation to its table it takes about three seconds.
  await sleep(between(random, 0, 3_000));
  await world.killed("seasons", () => sleep(between(random, 0, 500)));
}

/** Redis is lost whole in both ways, once with an archiver that died before; and an archiver dies by itself. */
export function lossesOf(world: ChaosWorld, random: Random): Loss[] {
  const { redis } = world;
  const flush = async (): Promise<void> => {
    await redis.client().flushall();
  };
  const killRedis = async (): Promise<void> => {
    await redis.kill();
    await redis.start();
  };
  const [first, second] = shuffled(
    [
      { name: "Redis flushed", run: flush },
      { name: "Redis killed, its data gone", run: killRedis },
    ],
    random,
  ) as [Fault, Fault];
  const behind = async (): Promise<void> => {
    await world.killed("archiver", async () => {
      await sleep(between(random, 300, 1_500));
      await first.run();
      await sleep(between(random, 0, 500));
    });
  };
  return [
    { name: `${first.name}, the archiver killed before`, run: behind, isLoss: true },
    { ...second, isLoss: true },
    { ...killed(world, "archiver", random), isLoss: false },
  ];
}

export function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
