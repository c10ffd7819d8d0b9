/**
 * Who is banned, as every process knows it: a copy in memory of a small hash in Redis, which the table of bans is written to. Submissions
 * ask it without waiting. It is read again when a message says so, and its version every second in case that message was lost.
 */
import { Loop } from "../base/loop.ts";
import type { BanRow } from "../database/moderation-table-types.ts";
import type { Channels } from "../redis/channels.ts";
import { bansChannel, bansKey } from "../redis/keys.ts";
import { tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";

export type KnownBan = { version: string; state: BanRow["state"]; mode: BanRow["mode"]; untilMs: number };

export type BanSetOptions = {
  redis: RedisStore;
  /** Without them changes of other processes are found by the poll alone. */
  channels?: Channels;
  /** ms between two looks at the version. */
  pollMs: number;
  now: () => number;
  /** Redis has no copy: it was emptied, or nobody was ever banned. @returns whether the table was asked */
  onMissing: () => Promise<boolean>;
  onError: (error: unknown) => void;
};

/** The version of the whole stands under the empty name. */
const VERSION = "";
const ENDLESS = "0";

export class BanSet {
  readonly #options: BanSetOptions;
  readonly #loop: Loop;
  #bans = new Map<string, KnownBan>();
  #version: string | null = null;

  constructor(options: BanSetOptions) {
    this.#options = options;
    const step = (): Promise<void> => this.refresh();
    this.#loop = new Loop({ everyMs: options.pollMs, step, onError: options.onError });
  }

  start(): void {
    this.#loop.start();
    void this.#options.channels?.subscribe(bansChannel, () => this.#loop.nudge());
  }

  async stop(): Promise<void> {
    this.#options.channels?.unsubscribe(bansChannel);
    await this.#loop.stop();
  }

  /** How a member is banned at present; undefined when it is not. */
  banOf(member: string): KnownBan | undefined {
    if (this.#bans.size === 0) return undefined;
    const ban = this.#bans.get(member);
    return ban && ban.state !== "lifting" && ban.untilMs > this.#options.now() ? ban : undefined;
  }

  /** Whether some ban is to be carried out, or has run out. */
  get isDue(): boolean {
    const now = this.#options.now();
    for (const { state, untilMs } of this.#bans.values())
      if (state !== "active" || untilMs <= now) return true;
    return false;
  }

  /** Read what changed since the last call; one HGET when nothing did. */
  async refresh(): Promise<void> {
    const { redis, onMissing } = this.#options;
    const version = await redis.hget(bansKey, VERSION);
    if (version === null && (await onMissing())) await redis.hsetnx(bansKey, VERSION, "0");
    if (version === this.#version && version !== null) return;
    const all = await redis.hgetall(bansKey);
    this.#version = all[VERSION] ?? null;
    delete all[VERSION];
    this.#bans = new Map(Object.entries(all).map(([member, text]) => [member, parsed(text)]));
  }

  /** Tell every process of a ban as the table has it; here it holds at once. @param over it is not in the table any more */
  async tell(row: BanRow, { over = false } = {}): Promise<void> {
    const { redis, onError } = this.#options;
    const record = over ? "" : `${row.state} ${row.mode} ${row.until?.getTime() ?? ENDLESS}`;
    const reply = await runScript(redis, "bans/set_ban", [bansKey], [row.member, row.version, record]);
    tagged(reply, ["set", "older"]);
    await this.refresh();
    await redis.spublish(bansChannel, "changed").catch(onError);
  }
}

function parsed(text: string): KnownBan {
  const [version, state, mode, until] = text.split(" ");
  return {
    version: version!,
    state: state as KnownBan["state"],
    mode: mode as KnownBan["mode"],
    untilMs: until === ENDLESS ? Number.POSITIVE_INFINITY : Number(until),
  };
}
