/**
 * Everything goes wrong while somebody submits, and in the end every acknowledged submission is there exactly once, in its season. A
 * short run on one of the databases; `CHAOS_ROUNDS=30 npx vitest run test/chaos` for more of them, by turns, `CHAOS_SEED=` for one again.
 */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { between, randomFrom } from "../../demo/random.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import type { VerifyReport } from "../../server/recovery/verify.ts";
import { eventually } from "../support/eventually.ts";
import { POSTGRES_INSTALL_MS } from "../support/postgres.ts";
import { testRunFolder } from "../support/shared-redis.ts";
import { complaintsAbout, type Scores } from "./chaos-check.ts";
import { faultsOf, lossesOf, rollOver, runFaults } from "./chaos-faults.ts";
import { runLosses } from "./chaos-losses.ts";
import { ChaosSubmitter } from "./chaos-submitter.ts";
import { ChaosWorld } from "./chaos-world.ts";

const COLUMNS = [{ name: "score", max: 2 ** 40 }];
const SHARDS = { shards: 2 };
const BOARDS = {
  sums: { ...SHARDS, operator: "incr", columns: COLUMNS },
  bests: { ...SHARDS, operator: "best", columns: COLUMNS },
  // Nobody knows its end, so the time of ties makes it wide.
  wide: { ...SHARDS, operator: "incr", ties: "earliest" },
  kept: {
    ...SHARDS,
    operator: "incr",
    columns: COLUMNS,
    season: { schedule: "manual", carryOver: { rule: "keep" } },
  },
} as const satisfies Record<string, BoardDefinition>;
const PATIENCE = { withinMs: 60_000, everyMs: 100 };
const CATCHES_UP = { withinMs: 20_000, everyMs: 200 };
const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 1);
const SEED = process.env.CHAOS_SEED === undefined ? undefined : Number(process.env.CHAOS_SEED);
type Kind = "postgresql" | "pglite";
const KIND = process.env.CHAOS_DATABASE as Kind | undefined;

/** The first season ends by itself at this instant, and the next one a week later. */
function scheduled(endsAtMs: number): BoardDefinition {
  const from = new Date(endsAtMs).toISOString().slice(0, 19);
  return {
    ...SHARDS,
    operator: "incr",
    ties: "earliest",
    columns: [{ name: "score", max: 2 ** 20 * 1_000 }],
    season: { everyWeeks: 1, from, timeZone: "UTC" },
  };
}

async function scoresOf(world: ChaosWorld, board: string, season: number): Promise<Scores> {
  type Top = { entries: { member: string; score: number }[] };
  const { entries } = await world.admin<Top>("GET", `/v1/boards/${board}/top?limit=100&season=${season}`);
  return new Map(entries.map(({ member, score }) => [member, score]));
}

/** A board that is lost before the archive has heard of it has to be created again: that is no part of the run. */
async function inArchive(world: ChaosWorld, boards: readonly string[]): Promise<void> {
  type Shards = { shards: { n: number; log: number }[] };
  for (const board of boards) {
    await eventually(async () => {
      const { shards } = await world.admin<Shards>("GET", `/v1/admin/boards/${board}/shards`);
      // What the tables have leaves the log.
      expect(shards.filter(({ n, log }) => log >= n)).toEqual([]);
    }, PATIENCE);
  }
}

/** Board → its present season, once all that came before it are in the archive. */
async function settledSeasons(world: ChaosWorld, boards: readonly string[]): Promise<Map<string, number>> {
  type Seasons = { seasons: { number: number; state: string }[] };
  const settled = new Map<string, number>();
  for (const board of boards) {
    const present = await eventually(async () => {
      const { seasons } = await world.admin<Seasons>("GET", `/v1/boards/${board}/seasons`);
      // What was ended by hand is not, where a loss took the word of it.
      if (seasons.length === 1) await rollOver(world, board);
      expect(seasons.slice(1).map(({ state }) => state)).toEqual(Array(seasons.length - 1).fill("archived"));
      expect(seasons.length, `${board} rolled over`).toBeGreaterThan(1);
      return seasons[0]!.number;
    }, PATIENCE);
    settled.set(board, present);
  }
  return settled;
}

async function complaintsAtTheEnd(
  world: ChaosWorld,
  submitter: ChaosSubmitter,
  seasons: ReadonlyMap<string, number>,
): Promise<string[]> {
  const complaints: string[] = [];
  for (const [board, present] of seasons) {
    let before: Scores | undefined;
    for (let season = 1; season <= present; season++) {
      const rule = board === "bests" ? "best" : "sum";
      const carried = board === "kept" ? before : undefined;
      const check = async (): Promise<string[]> => {
        before = await scoresOf(world, board, season);
        return complaintsAbout(submitter.record, { board, season }, rule, before, carried);
      };
      // The top of the present season follows its shards.
      await eventually(async () => expect(await check()).toEqual([]), CATCHES_UP).catch(() => undefined);
      complaints.push(...(await check()));
    }
  }
  return complaints;
}

async function run(kind: Kind, seed: number): Promise<void> {
  const random = randomFrom(seed);
  const startedAt = performance.now();
  const events: string[] = [];
  const say = (text: string): void => {
    events.push(`${((performance.now() - startedAt) / 1_000).toFixed(1)} ${text}`);
    if (process.env.CHAOS_SAYS) console.log(events.at(-1));
  };
  const world = await ChaosWorld.start(kind, Math.round(between(random, 30, 1_200)));
  try {
    say("started");
    const boards = {
      ...BOARDS,
      timed: scheduled(Math.ceil((Date.now() + 4_000 + random() * 6_000) / 1_000) * 1_000),
    };
    for (const [id, definition] of Object.entries(boards))
      await world.admin("PUT", `/v1/admin/boards/${id}`, definition);
    const names = Object.keys(boards);
    const submitter = new ChaosSubmitter(world, names, random);
    const adding = new Set(names.filter((name) => name !== "bests"));
    const folder = mkdtempSync(join(testRunFolder(), "chaos-"));
    submitter.start();
    await inArchive(world, names);
    say("the archive knows all boards");
    const [losses] = await Promise.all([
      runLosses({ world, submitter, random, say, folder, adding }, lossesOf(world, random)),
      runFaults(faultsOf(world, Object.keys(BOARDS), random), random, say),
    ]);
    say("faults are over");
    let seasons = await settledSeasons(world, names);
    await submitter.stop();
    say("submitter stopped");
    // What belongs to a season that had to begin again.
    losses.complaints.push(
      ...(await submitter.sendAgain(submitter.record.all.filter(({ isLost }) => isLost))),
    );
    seasons = await settledSeasons(world, names);
    say("settled");
    const { output, errors } = await world.cli("verify", "--json");
    const verified = JSON.parse(output || JSON.stringify({ errors })) as VerifyReport;
    const ended = await complaintsAtTheEnd(world, submitter, seasons);
    const of = submitter.record.all;
    say(
      `${of.length} submissions, ${of.filter(({ ack }) => ack).length} acknowledged, ${losses.lost} reported as lost, ${of.filter(({ isLost }) => isLost).length} of closed seasons among them for good, ${of.filter(({ ack, isDoubtful }) => !ack && isDoubtful).length} in doubt`,
    );
    expect([...losses.complaints, ...ended]).toEqual([]);
    expect(
      verified.seasons.flatMap(({ board, differences }) => differences.map((one) => ({ board, ...one }))),
    ).toEqual([]);
    expect(verified).toMatchObject({ differences: 0 });
  } catch (error) {
    throw new Error(
      `CHAOS_SEED=${seed} CHAOS_DATABASE=${kind}\n${events.join("\n")}\n${world.logged()}\n${(error as Error).message}`,
      { cause: error },
    );
  } finally {
    await world.stop();
    console.log(`chaos on ${kind}, seed ${seed}:\n${events.join("\n")}`);
  }
}

for (let round = 0; round < ROUNDS; round++) {
  const seed = (SEED ?? Math.floor(Math.random() * 2 ** 31)) + round;
  const kind = KIND ?? (seed % 2 === 0 ? "postgresql" : "pglite");
  test(
    `whatever dies, and whatever Redis loses, each acknowledged submission is in its season once, or listed as lost and taken again: ${kind}, seed ${seed}`,
    {
      timeout: POSTGRES_INSTALL_MS,
    },
    () => run(kind, seed),
  );
}
