/**
 * Rewards, told to the players who are connected when a season's are granted: a word comes once all of them are, and each gateway looks up
 * those of its own players, a few hundred in one question. At most once, and never stored [P-23]: what was granted is read from the lists.
 */
import type { FinalOf } from "../archive/final-table.ts";
import type { StoredRewards } from "../archive/stored-rewards.ts";
import type { Log } from "../base/log.ts";
import type { Channels } from "../redis/channels.ts";
import { rewardsChannel } from "../redis/keys.ts";
import { rewardId } from "../rewards/reward-id.ts";
import type { ControlPlane } from "./control-plane.ts";

export type RewardNoticesOptions = {
  channels: Channels;
  storedRewards: StoredRewards;
  control: ControlPlane;
  /** Seasons that may wait while one is told of. */
  seasonsMax: number;
  log: Log;
};

/** Members of one question. */
const MEMBERS_AT_ONCE = 500;

export class RewardNotices {
  readonly #options: RewardNoticesOptions;
  readonly #waiting = new Map<string, FinalOf>();
  #telling: Promise<void> | undefined;
  #stopped = false;

  constructor(options: RewardNoticesOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#options.channels.subscribe(rewardsChannel, (message) => this.#heard(message.toString()));
  }

  /** Resolves when the question under way is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.channels.unsubscribe(rewardsChannel);
    this.#waiting.clear();
    await this.#telling;
  }

  #heard(message: string): void {
    const of = seasonIn(message);
    if (!of || this.#stopped || this.#waiting.size >= this.#options.seasonsMax) return;
    this.#waiting.set(message, of);
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined;
    });
  }

  async #tellAll(): Promise<void> {
    for (const [name, of] of this.#waiting) {
      this.#waiting.delete(name);
      await this.#tell(of).catch((error: unknown) => {
        this.#options.log.debug({ ...of, err: error }, "players were not told of their rewards");
      });
    }
  }

  async #tell(of: FinalOf): Promise<void> {
    const { control, storedRewards } = this.#options;
    const members = control.membersHere();
    for (let at = 0; at < members.length && !this.#stopped; at += MEMBERS_AT_ONCE) {
      const some = members.slice(at, at + MEMBERS_AT_ONCE);
      for (const { member, rank, rule, reward } of await storedRewards.ofMembers(of, some)) {
        const data = { id: rewardId({ ...of, member }), ...of, rank, rule, reward };
        control.notifyHere(member, { kind: "reward", data });
      }
    }
  }
}

/** Another version of the server may have sent it: what is not as expected says nothing. */
function seasonIn(message: string): FinalOf | undefined {
  try {
    const [board, season] = JSON.parse(message) as unknown[];
    return typeof board === "string" && typeof season === "number" ? { board, season } : undefined;
  } catch {
    return undefined;
  }
}
