/** The flow that rolls boards over, on a clock that tests hold, one turn at a time. */
import type { Redis } from "ioredis";
import { openFeed } from "../../server/feed/feed-store.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { type BoardDefinition, boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { Registry } from "../../server/leaderboard/registry.ts";
import { feedOf } from "../../server/options.ts";
import { type RolloverOptions, rollOn, type Step } from "../../server/seasons/rollover.ts";
import { type OnFrozen, type RemovalStep, removeFrozen } from "../../server/seasons/season-removal.ts";
import { DEDUP, silentLog } from "./builders.ts";

export const PREOPEN_MS = 5_000;
export const GRACE_MS = 15_000;

export type AnyStep = Step | RemovalStep;

/** What stands in for the end of a process at a step. */
export class Died extends Error {}

/** One process: a registry and the role `seasons`, on one Redis. */
export class SeasonProcess {
  readonly registry: Registry;
  readonly steps: AnyStep[] = [];
  /** The process ends when it has taken this step. */
  diesAt: AnyStep | undefined;
  /** Hears of each step before the process goes on. */
  onStep: ((step: AnyStep) => Promise<void>) | undefined;
  /** Whether the archive has come up to what is frozen. */
  isInArchive = true;
  /** Whether it has come up to what is carried over. */
  cameToArchive = true;
  readonly #redis: Redis;
  readonly #clock: { nowMs: number };
  #hasher = createHasher();

  constructor(redis: Redis, clock: { nowMs: number }) {
    this.#redis = redis;
    this.#clock = clock;
    this.registry = new Registry({
      redis,
      repository: createRedisBoardRepository(redis),
      openFeed: (open) => openFeed(redis, feedOf(open)),
      clock: { now: () => clock.nowMs },
    });
  }

  async put(id: string, definition: BoardDefinition): Promise<OpenBoard> {
    const { open } = await this.registry.put(boardFrom(id, boardDefinition.parse(definition)));
    return open;
  }

  /** Everything that is due at this instant. */
  async turn(id: string): Promise<void> {
    await this.registry.get(id);
    await this.registry.refresh();
    await rollOn(await this.options(), id, async () => undefined);
  }

  async archive(id: string, onFrozen: OnFrozen): Promise<"removed" | "behind"> {
    await this.registry.get(id);
    await this.registry.refresh();
    const { registry } = this;
    return removeFrozen(
      { redis: this.#redis, registry, onFrozen, onStep: this.#onStep },
      id,
      async () => undefined,
    );
  }

  readonly #onStep = async (step: AnyStep): Promise<void> => {
    this.steps.push(step);
    if (step === this.diesAt) throw new Died(step);
    await this.onStep?.(step);
  };

  async options(): Promise<RolloverOptions> {
    const redis = this.#redis;
    return {
      redis,
      registry: this.registry,
      hasher: await this.#hasher,
      openFeed: (open) => openFeed(redis, feedOf(open)),
      now: () => this.#clock.nowMs,
      log: silentLog,
      limits: DEDUP,
      isInArchive: async () => this.isInArchive,
      cameToArchive: async () => this.cameToArchive,
      preopenMs: PREOPEN_MS,
      graceMs: GRACE_MS,
      closingMax: 4,
      onCarried: async () => undefined,
      onStep: this.#onStep,
    };
  }
}
