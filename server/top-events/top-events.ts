/**
 * Tells webhooks of changes at the top: follows the feeds of all boards that somebody listens to, in one process at a time. The lease is for
 * not doing it twice over; what keeps it right is the table that followers go on from.
 */

import { inLanes } from "../base/lanes.ts";
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import { readPositions } from "../feed/feed-store.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Registry } from "../leaderboard/registry.ts";
import type { Lease } from "../locks/lease.ts";
import type { RedisStore } from "../redis/store.ts";
import { TOP_EVENTS } from "../webhooks/event-types.ts";
import type { TopWatches } from "../webhooks/told-tops.ts";
import { type FollowerOptions, SeasonFollower } from "./top-follower.ts";

/** What the flow asks of the endpoints, which others keep up to date. */
export type Listeners = {
  enabled: ReadonlyMap<string, { events: readonly string[] }>;
  isHeard(type: string, board: string): boolean;
  heardSince(types: readonly string[], board: string): number | undefined;
};

export type TopEventsOptions = {
  redis: RedisStore;
  registry: Pick<Registry, "boards" | "closing">;
  endpoints: Listeners;
  watches: TopWatches;
  lease: Pick<Lease, "hold" | "release" | "token">;
  everyMs: number;
  seasonsMax: number;
  /** Something was noted. */
  onNoted: () => void;
  log: Log;
};

/** Seasons that are looked at side by side. */
const LANES = 4;

export class TopEvents {
  readonly #options: TopEventsOptions;
  readonly #loop: Loop;
  readonly #following: FollowerOptions;
  #followers = new Map<string, SeasonFollower>();
  #isOver = false;

  constructor(options: TopEventsOptions) {
    const { redis, watches, endpoints } = options;
    this.#options = options;
    this.#following = {
      redis,
      watches,
      isHeard: (type, board) => endpoints.isHeard(type, board),
      heardSince: (board) => endpoints.heardSince(TOP_EVENTS, board),
    };
    this.#loop = new Loop({
      everyMs: options.everyMs,
      step: (signal) => this.step(signal),
      onError: (error) => options.log.warn({ err: error }, "events of the top"),
    });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#options.lease.release().catch(() => undefined);
  }

  /** One look at all that is listened to. @throws AppError unavailable, what Redis throws */
  async step(signal?: AbortSignal): Promise<void> {
    const { lease, onNoted } = this.#options;
    const listened = this.#listened();
    if (listened.length === 0 || !(await lease.hold())) {
      this.#followers.clear();
      if (listened.length === 0) await lease.release();
      return;
    }
    this.#follow(listened);
    const behind = await this.#behind();
    const noted = await inLanes(behind, LANES, async (follower) => {
      if (signal?.aborted || !(await lease.hold())) return 0;
      return follower.look();
    });
    if (noted.some((count) => count > 0)) onNoted();
  }

  /** Seasons of boards that somebody listens to: the present ones, and those that are over and may still change. */
  #listened(): OpenBoard[] {
    const { registry, endpoints, seasonsMax, log } = this.#options;
    if (!hearTops(endpoints)) return [];
    const seasons: OpenBoard[] = [];
    for (const [id, open] of registry.boards) {
      if (TOP_EVENTS.some((type) => endpoints.isHeard(type, id))) seasons.push(...registry.closing(id), open);
    }
    const isOver = seasons.length > seasonsMax;
    if (isOver && !this.#isOver)
      log.warn({ seasons: seasons.length, seasonsMax }, "too many tops are listened to");
    this.#isOver = isOver;
    return seasons.slice(0, seasonsMax);
  }

  #follow(listened: readonly OpenBoard[]): void {
    const followers = new Map<string, SeasonFollower>();
    for (const open of listened) {
      const name = `${open.board.id} ${open.season.number}`;
      const follower = this.#followers.get(name) ?? new SeasonFollower(this.#following, open);
      follower.open = open;
      followers.set(name, follower);
    }
    this.#followers = followers;
  }

  /** Those whose feed has moved on, by one pipeline of positions. */
  async #behind(): Promise<SeasonFollower[]> {
    const followers = [...this.#followers.values()];
    const positions = await readPositions(
      this.#options.redis,
      followers.map(({ feed }) => feed),
    );
    return followers.filter((follower, i) => {
      const position = positions[i];
      return position !== undefined && follower.isBehind(position);
    });
  }
}

function hearTops({ enabled }: Listeners): boolean {
  for (const { events } of enabled.values())
    if (events.length === 0 || TOP_EVENTS.some((type) => events.includes(type))) return true;
  return false;
}
