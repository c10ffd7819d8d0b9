/**
 * What became of submissions and who played, by board and for the deployment, in total and by day.
 *
 * Counting is an addition in this process's memory. `flush`, at most once a second, adds what was gathered to Redis: one script for each
 * board that was written to, on this process's own shard of the board's counter. [R 15] A flush has a number, and is sent again as it
 * was until Redis has said that it is added; the script adds each number once. So nothing is counted twice, and what a process that is
 * killed loses is what it gathered since its last flush, with the flush under way if that had not arrived.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { newId } from "../base/ids.ts";
import { type Call, settleAll } from "../redis/batch.ts";
import { COUNTER_SHARDS, counterShardKeys, DEPLOYMENT, presenceKeys } from "../redis/keys.ts";
import { fromRedisError } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import { type Counts, dayEndsMs, dayOf, noCounts, OUTCOMES, type Outcome } from "./outcomes.ts";
import { PlayerSketch } from "./player-sketch.ts";

export type CountersOptions = {
  redis: RedisStore;
  /** Days before today that are kept. */
  daysKept: number;
  clock?: Clock;
};

/** What one board, or the deployment, has counted on one day since the last flush. */
type Gathered = { scope: string; day: number; counts: Counts; players: string[] };

/** What is sent, and sent again unchanged, until it is known to be there. */
type Flush = { calls: Call[]; players: number };

/** Members that wait for a flush, of all boards; more wait until they play again after the next fresh sketch. */
const PLAYERS_MAX = 200_000;
/** Of 16 KB each, for the boards that were played on last. */
const SKETCHES_MAX = 500;
/** A fresh one now and then sends members again, in case Redis has lost them. */
const SKETCH_KEPT_MS = 600_000;
const PLAYERS_OF_A_CALL = 1_000;
/** A flush that is sent again later than this may count twice. */
const FLUSH_KEPT_MS = 24 * 3_600_000;

export class Counters {
  readonly #redis: RedisStore;
  readonly #clock: Clock;
  readonly #daysKept: number;
  readonly #process = newId();
  readonly #gathered = new Map<string, Gathered>();
  /** Of days before the one that is gathered. */
  readonly #past: Gathered[] = [];
  /** At most one of a scope, so that its numbers arrive in order. */
  readonly #underWay = new Map<string, Flush>();
  readonly #sketches = new Map<string, { day: number; madeMs: number; sketch: PlayerSketch }>();
  #number = 0;
  #players = 0;

  constructor({ redis, daysKept, clock = systemClock }: CountersOptions) {
    this.#redis = redis;
    this.#daysKept = daysKept;
    this.#clock = clock;
  }

  /** Count `n` submissions of a board. Never fails and asks nobody. */
  add(board: string, outcome: Outcome, n = 1): void {
    if (n > 0) this.#at(board, dayOf(this.#clock.now())).counts[outcome] += n;
  }

  /** Members who played on a board today. */
  played(board: string, members: Iterable<string>): void {
    const day = dayOf(this.#clock.now());
    const sketch = this.#sketchOf(board, day);
    const fresh: string[] = [];
    for (const member of members) if (sketch.raise(member)) fresh.push(member);
    if (fresh.length > 0) this.#see(this.#at(board, day), fresh);
  }

  /** A player who is there today, whatever the board. */
  present(member: string): void {
    this.played(DEPLOYMENT, [member]);
  }

  /** True when everything that was counted is in Redis. */
  get settled(): boolean {
    return this.#gathered.size === 0 && this.#past.length === 0 && this.#underWay.size === 0;
  }

  /**
   * Send what was gathered, and what is still under way, in one pipeline. Not to be called again before it has ended.
   * @throws AppError unavailable, store_full: what did not arrive is kept for the next call
   */
  async flush(): Promise<void> {
    this.#takeOff();
    const sent = [...this.#underWay].flatMap(([scope, { calls }]) => calls.map((call) => ({ scope, call })));
    const outcomes = await settleAll(
      this.#redis,
      sent.map(({ call }) => call),
    );
    const failed = new Map<string, unknown>();
    outcomes.forEach((outcome, i) => {
      if ("error" in outcome) failed.set(sent[i]!.scope, outcome.error);
    });
    for (const [scope, { players }] of this.#underWay) {
      if (failed.has(scope)) continue;
      this.#underWay.delete(scope);
      this.#players -= players;
    }
    for (const error of failed.values()) throw fromRedisError(error);
  }

  /** Flush until nothing is left. @throws AppError as `flush` */
  async drain(): Promise<void> {
    while (!this.settled) await this.flush();
  }

  /** What is gathered becomes a flush, where the one before has arrived. Boards first: they add to the deployment. */
  #takeOff(): void {
    const ready = [...this.#past, ...this.#gathered.values()];
    for (const gathered of ready) {
      if (gathered.scope === DEPLOYMENT || this.#underWay.has(gathered.scope)) continue;
      const all = this.#at(DEPLOYMENT, gathered.day);
      for (const outcome of OUTCOMES) all.counts[outcome] += gathered.counts[outcome];
      // Who raises nothing on the board raises nothing here, where every board's members are.
      const sketch = this.#sketchOf(DEPLOYMENT, gathered.day);
      this.#see(
        all,
        gathered.players.filter((member) => sketch.raise(member)),
      );
      this.#begin(gathered);
    }
    const all = this.#past.find(({ scope }) => scope === DEPLOYMENT) ?? this.#gathered.get(DEPLOYMENT);
    if (all && !this.#underWay.has(DEPLOYMENT)) this.#begin(all);
  }

  #begin(gathered: Gathered): void {
    const { scope, players } = gathered;
    const at = this.#past.indexOf(gathered);
    if (at >= 0) this.#past.splice(at, 1);
    else this.#gathered.delete(scope);
    this.#underWay.set(scope, { calls: this.#callsOf(gathered), players: players.length });
  }

  #callsOf({ scope, day, counts, players }: Gathered): Call[] {
    const endsMs = dayEndsMs(day, this.#daysKept);
    const calls: Call[] = [];
    const amounts = OUTCOMES.flatMap((name) => (counts[name] > 0 ? [name, counts[name]] : []));
    if (amounts.length > 0) {
      const keys = counterShardKeys(scope, shardOf(this.#process));
      calls.push({
        script: "counters/add",
        keys: [keys.total, keys.day(day), keys.lastFlush(this.#process)],
        args: [++this.#number, FLUSH_KEPT_MS, endsMs, ...amounts],
      });
    }
    for (let from = 0; from < players.length; from += PLAYERS_OF_A_CALL) {
      const some = players.slice(from, from + PLAYERS_OF_A_CALL);
      calls.push({
        script: "counters/see",
        keys: [presenceKeys(scope).players(day)],
        args: [endsMs, ...some],
      });
    }
    return calls;
  }

  #see({ players }: Gathered, members: readonly string[]): void {
    const taken = members.slice(0, PLAYERS_MAX - this.#players);
    for (const member of taken) players.push(member);
    this.#players += taken.length;
  }

  /** What this process knows of the day's players: which members Redis need not hear of again. */
  #sketchOf(scope: string, day: number): PlayerSketch {
    const now = this.#clock.now();
    const known = this.#sketches.get(scope);
    if (known?.day === day && now - known.madeMs < SKETCH_KEPT_MS) return known.sketch;
    this.#sketches.delete(scope);
    const [oldest] = this.#sketches.keys();
    if (oldest !== undefined && this.#sketches.size >= SKETCHES_MAX) this.#sketches.delete(oldest);
    const sketch = new PlayerSketch();
    this.#sketches.set(scope, { day, madeMs: now, sketch });
    return sketch;
  }

  #at(scope: string, day: number): Gathered {
    const own = this.#gathered.get(scope);
    if (own?.day === day) return own;
    const past = own && this.#past.find((one) => one.scope === scope && one.day === day);
    if (past) return past;
    const fresh: Gathered = { scope, day, counts: noCounts(), players: [] };
    if (own && own.day > day) this.#past.push(fresh);
    else {
      if (own) this.#past.push(own);
      this.#gathered.set(scope, fresh);
    }
    return fresh;
  }
}

/** One shard a process: many processes spread a hot counter, and one that is alone needs no spreading. */
function shardOf(process: string): number {
  let hash = 0;
  for (const letter of process) hash = (hash * 31 + letter.charCodeAt(0)) % 65_521;
  return hash % COUNTER_SHARDS;
}
