/**
 * Profiles of members: the table is the truth, Redis holds copies (cache-aside), each process a few of those for some seconds.
 *
 * [R 12] A write leaves its version in the cache before its commit and after it. So no copy that was read before can be stored after,
 * and whoever reads past the local copies once a write was answered finds that write or a later one. An answer never comes from a
 * question that went out before it was asked for.
 */
import type { Profile } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import { Loop } from "../base/loop.ts";
import { Gather } from "./gather.ts";
import { type LocalLimits, LocalProfiles } from "./local-profiles.ts";
import { type CacheOptions, type CacheTimes, type Copy, ProfileCache, type Read } from "./profile-cache.ts";
import { ProfileFills } from "./profile-fills.ts";
import type { ProfileMetrics } from "./profile-metrics.ts";
import { type NoticesOptions, ProfileNotices } from "./profile-notices.ts";
import type { BeforeCommit, Known, ProfileChange, ProfileStore, Written } from "./profile-store.ts";

export type ProfilesOptions = {
  store: ProfileStore;
  /** Where the copies are: the store's Redis, or one of their own. */
  cache: CacheOptions["redis"];
  channels: NoticesOptions["channels"];
  /** What notices are published on. */
  commands: NoticesOptions["commands"];
  times: CacheTimes;
  local: Omit<LocalLimits, "heardMs">;
  /** Queries to the database under way. */
  queriesMax: number;
  metrics: ProfileMetrics;
  onError: (error: unknown) => void;
  /** ms since the Unix epoch. */
  now: () => number;
  /** 0 to 1. */
  random: () => number;
};

/** `profile` is undefined when it was removed. */
export type ProfileListener = (member: string, profile: Profile | undefined) => void;

/** Members of one query or pipeline, and members that may wait for one. */
const ASKED_MAX = 1_000;
const WAITING_MAX = 20_000;
/** How often to look for what somebody else was bringing, before asking the database. */
const LOOKS_MAX = 3;
const TELL_EVERY_MS = 250;

export class Profiles {
  readonly #options: ProfilesOptions;
  readonly #local: LocalProfiles;
  readonly #cache: ProfileCache;
  readonly #copies: Gather<Read>;
  readonly #rows: Gather<Known>;
  readonly #fills: ProfileFills;
  readonly #notices: ProfileNotices;
  readonly #telling: Loop;
  readonly #listeners = new Set<ProfileListener>();
  readonly #missed = new Set<() => void>();

  constructor(options: ProfilesOptions) {
    const { store, cache, times, local, queriesMax, metrics, onError, now, random } = options;
    this.#options = options;
    this.#local = new LocalProfiles({ ...local, heardMs: times.ttlMs }, now);
    this.#cache = new ProfileCache({ ...times, redis: cache, metrics, now, random });
    const bounds = { keysMax: ASKED_MAX, waitingMax: WAITING_MAX };
    this.#copies = new Gather({
      ...bounds,
      questionsMax: 16,
      ask: (members) => this.#cache.read(members),
    });
    this.#rows = new Gather({
      ...bounds,
      questionsMax: queriesMax,
      ask: (members) => {
        metrics.queries.inc();
        return store.read(members);
      },
    });
    const waitMs = times.leaseMs;
    this.#fills = new ProfileFills({ cache: this.#cache, rows: this.#rows, metrics, waitMs, onError });
    this.#notices = new ProfileNotices({
      ...options,
      onWritten: (written) => this.#hear(written),
      onMissed: () => {
        this.#local.clear();
        for (const listener of this.#missed) listener();
      },
    });
    this.#telling = new Loop({ everyMs: TELL_EVERY_MS, step: () => this.#tellLate(), onError });
  }

  start(): void {
    this.#notices.start();
    this.#telling.start();
  }

  async stop(): Promise<void> {
    this.#notices.stop();
    await this.#telling.stop();
  }

  /** Of those who have one. What cannot be had just now is as old as the last copy, or left out. Never rejects. */
  async get(members: readonly string[]): Promise<Map<string, Profile>> {
    const profiles = new Map<string, Profile>();
    for (const [member, profile] of await this.look(members)) if (profile) profiles.set(member, profile);
    return profiles;
  }

  /**
   * As `get`, with undefined for those who have none: whom the answer leaves out may have one.
   * @param isFresh past the local copies: not older than any write that was answered before
   */
  async look(
    members: readonly string[],
    { isFresh = false } = {},
  ): Promise<Map<string, Profile | undefined>> {
    const { metrics } = this.#options;
    const answer = new Map<string, Profile | undefined>();
    const open = new Set<string>();
    for (const member of members) {
      const kept = isFresh ? undefined : this.#local.get(member);
      if (kept) answer.set(member, kept.profile);
      else open.add(member);
    }
    if (answer.size > 0) metrics.reads.inc({ from: "local" }, answer.size);
    if (open.size === 0) return answer;
    const found = await this.#find([...open]);
    for (const member of open) {
      const known = found.get(member) ?? (isFresh ? undefined : this.#local.last(member));
      if (!found.has(member)) metrics.reads.inc({ from: known ? "stale" : "nowhere" });
      if (known) answer.set(member, known.profile);
    }
    return answer;
  }

  /** The whole profile, in place of what there was. @throws AppError unavailable */
  async put(member: string, profile: Profile): Promise<{ version: number }> {
    const versions = await this.putMany(new Map([[member, profile]]));
    return { version: versions.get(member)! };
  }

  /** All or none. @returns the new versions. @throws AppError unavailable */
  async putMany(profiles: ReadonlyMap<string, Profile>): Promise<Map<string, number>> {
    const written = await this.#write((beforeCommit) => this.#options.store.put(profiles, beforeCommit));
    return new Map(written.map(({ member, version }) => [member, version]));
  }

  /** Some fields; null takes one away. @throws AppError profile_not_found, unavailable */
  async patch(member: string, change: ProfileChange): Promise<{ version: number; profile: Profile }> {
    const write = (beforeCommit: BeforeCommit): Promise<Written | undefined> =>
      this.#options.store.patch(member, change, beforeCommit);
    const [written] = await this.#write(async (beforeCommit) => [await write(beforeCommit)]);
    if (!written?.profile) throw new AppError("profile_not_found");
    return { version: written.version, profile: written.profile };
  }

  /** @throws AppError profile_not_found, unavailable */
  async remove(member: string): Promise<{ version: number }> {
    const write = (beforeCommit: BeforeCommit): Promise<Written | undefined> =>
      this.#options.store.remove(member, beforeCommit);
    const [written] = await this.#write(async (beforeCommit) => [await write(beforeCommit)]);
    if (!written) throw new AppError("profile_not_found");
    return { version: written.version };
  }

  /** Changes made by any process, each version at most once and never an older one after a newer one. */
  onChange(listener: ProfileListener): void {
    this.#listeners.add(listener);
  }

  /** `listener` is called when changes by other processes may have been missed. */
  onMissed(listener: () => void): void {
    this.#missed.add(listener);
  }

  async #write(change: (beforeCommit: BeforeCommit) => Promise<(Written | undefined)[]>): Promise<Written[]> {
    const beforeCommit: BeforeCommit = (written) => this.#cache.outdate(written);
    const written = (await change(beforeCommit)).filter((one) => one !== undefined);
    if (written.length === 0) return written;
    for (const one of written) this.#hear(one);
    await Promise.all([this.#cache.outdate(written), this.#notices.publish(written)]);
    return written;
  }

  #hear({ member, version, profile }: Written): void {
    if (!this.#local.hear(member, version)) return;
    for (const listener of this.#listeners) listener(member, profile);
  }

  /** From the cache, else from the database; without those that neither told. */
  async #find(members: readonly string[]): Promise<Map<string, Known>> {
    const found = new Map<string, Known>();
    let open = members;
    for (let looks = 0; looks < LOOKS_MAX && open.length > 0; looks++) {
      const { filled, direct, flights } = await this.#readCopies(open, found);
      const [brought, loaded] = await Promise.all([filled, this.#loadRows(direct)]);
      this.#add([...brought, ...loaded], found, "database");
      await Promise.all(flights.values());
      open = [...flights.keys()];
    }
    this.#add(await this.#loadRows(open), found, "database");
    return found;
  }

  /** What the cache has goes to `found`; what nobody is bringing yet is begun to be brought, in the same turn. */
  async #readCopies(members: readonly string[], found: Map<string, Known>) {
    const missing = new Map<string, undefined>();
    const direct: string[] = [];
    const flights = new Map<string, Promise<unknown>>();
    const due = new Map<string, Copy>();
    const copies = await this.#copies.load(members).catch(this.#options.onError);
    const hits: [string, Known][] = [];
    for (const [member, copy] of copies ?? []) {
      const flight = this.#fills.flightOf(member);
      if (copy === "away") direct.push(member);
      else if (copy === "none" && flight !== undefined) flights.set(member, flight);
      else if (copy === "none") missing.set(member, undefined);
      // The cache missed a write that this process has heard of.
      else if (this.#local.isOutdated(member, copy.version)) direct.push(member);
      else {
        hits.push([member, copy]);
        if (flight === undefined && this.#cache.isDue(copy)) due.set(member, copy);
      }
    }
    this.#add(hits, found, "cache");
    if (due.size > 0) void this.#fills.fill(due);
    const filled = missing.size > 0 ? this.#fills.fill(missing) : new Map<string, Known>();
    return { filled, direct, flights };
  }

  async #loadRows(members: readonly string[]): Promise<Map<string, Known>> {
    if (members.length === 0) return new Map();
    return this.#rows.load(members).catch((error: unknown) => {
      this.#options.onError(error);
      return new Map();
    });
  }

  #add(known: Iterable<[string, Known]>, found: Map<string, Known>, from: "cache" | "database"): void {
    let count = 0;
    for (const [member, one] of known) {
      found.set(member, one);
      this.#local.keep(member, one);
      count++;
    }
    if (count > 0) this.#options.metrics.reads.inc({ from }, count);
  }

  async #tellLate(): Promise<void> {
    if (this.#cache.untold > 0) await this.#cache.tell();
  }
}
