/**
 * Who a presented API key is: the two keys of the settings, and those of the table, all of which are kept in memory.
 *
 * The table is read when a key is presented that is not known here or has another secret, when another process says that keys have
 * changed, and, once it was read, every few seconds in case that message was lost. While the database is away the known keys go on
 * working. A request with a key of the settings never opens it.
 */
import { AppError } from "../base/errors.ts";
import { Loop } from "../base/loop.ts";
import type { ApiKeyRow } from "../database/table-types.ts";
import type { Channels } from "../redis/channels.ts";
import { keysChannel } from "../redis/keys.ts";
import type { RedisStore } from "../redis/store.ts";
import type { KeyStore, ListedKey, NewKey } from "./key-store.ts";
import { type ApiKey, type KeyText, parseKey, sameHash, sha256 } from "./key-text.ts";

export type ApiKeysOptions = {
  adminKey: string | undefined;
  serverKey: string | undefined;
  store: KeyStore;
  /** Without them changes of other processes are found by the poll alone. */
  bus?: { redis: RedisStore; channels: Channels };
  /** ms between two reads of the table, once it was read. */
  pollMs: number;
  onError: (error: unknown) => void;
};

type Known = { key: ApiKey; hash: Buffer; previous: Buffer; previousUntilMs: number };

/** Ids that are not in the table, or with another secret, remembered so that the same wrong key does not read it again and again. */
const UNKNOWN_MAX = 1_000;
const UNKNOWN_MS = 5_000;
/** Unknown ids wait for one common read of the table, and at most so many at a time. */
const GATHER_MS = 50;
const WAITING_MAX = 200;
const NOTHING = Buffer.alloc(32);

export class ApiKeys {
  readonly #options: ApiKeysOptions;
  readonly #ofSettings: { key: ApiKey; hash: Buffer }[] = [];
  #known = new Map<string, Known>();
  readonly #unknown = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  readonly #poll: Loop;
  #wasRead = false;
  #waiting = 0;
  #gathering: Promise<void> | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: ApiKeysOptions) {
    this.#options = options;
    const { adminKey, serverKey, pollMs, onError } = options;
    for (const [role, text] of [["admin", adminKey] as const, ["server", serverKey] as const]) {
      if (text !== undefined)
        this.#ofSettings.push({ key: { id: undefined, role, scopes: [] }, hash: sha256(text) });
    }
    const step = async (): Promise<void> => {
      if (this.#wasRead) await this.refresh();
    };
    this.#poll = new Loop({ everyMs: pollMs, step, onError });
  }

  start(): void {
    this.#poll.start();
    void this.#options.bus?.channels.subscribe(keysChannel, () => this.#heard());
  }

  async stop(): Promise<void> {
    this.#options.bus?.channels.unsubscribe(keysChannel);
    await this.#poll.stop();
  }

  /**
   * Whose key it is; undefined when it is none. Every comparison takes place, whether or not an earlier one matched.
   * @throws AppError unavailable when the key is not known here and the database is away, overloaded
   */
  async find(presented: string): Promise<ApiKey | undefined> {
    const ofSettings = this.#ofSettingsBy(presented);
    if (ofSettings) return ofSettings;
    const parsed = parseKey(presented);
    if (!parsed) return undefined;
    const known = this.#knownBy(parsed);
    if (known) return known;
    // Not known here, or with another secret: it may have been made or rotated elsewhere a moment ago.
    const name = this.#known.has(parsed.id)
      ? `${parsed.id} ${sha256(parsed.secret).toString("hex")}`
      : parsed.id;
    if (!this.#isKnownAsNone(name)) await this.#lookUp(name, () => this.#knownBy(parsed) !== undefined);
    return this.#knownBy(parsed);
  }

  /** Whether a key is good by what is known here. */
  isGood(presented: string): boolean {
    const parsed = parseKey(presented);
    return (this.#ofSettingsBy(presented) ?? (parsed && this.#knownBy(parsed))) !== undefined;
  }

  #ofSettingsBy(presented: string): ApiKey | undefined {
    const hash = sha256(presented);
    let found: ApiKey | undefined;
    for (const known of this.#ofSettings) if (sameHash(known.hash, hash)) found ??= known.key;
    return found;
  }

  #knownBy(parsed: KeyText): ApiKey | undefined {
    const known = this.#known.get(parsed.id);
    const secretHash = sha256(parsed.secret);
    const isCurrent = sameHash(known?.hash ?? NOTHING, secretHash);
    const isPrevious = sameHash(known?.previous ?? NOTHING, secretHash);
    if (!known || known.key.role !== parsed.role) return undefined;
    return isCurrent || (isPrevious && Date.now() < known.previousUntilMs) ? known.key : undefined;
  }

  /** @returns also the key itself, this once */
  async create(key: NewKey): Promise<ListedKey & { key: string }> {
    const made = await this.#options.store.create(key);
    await this.#changed();
    return made;
  }

  async rotate(id: string, overlapMs: number): Promise<ListedKey & { key: string }> {
    const rotated = await this.#options.store.rotate(id, overlapMs);
    await this.#changed();
    return rotated;
  }

  async revoke(id: string): Promise<ListedKey> {
    const revoked = await this.#options.store.revoke(id);
    await this.#changed();
    return revoked;
  }

  /** A page, the newest first. @param after the id of the last one of the page before. @throws AppError unavailable */
  list(limit: number, after?: string): Promise<ListedKey[]> {
    return this.#options.store.list(limit, after);
  }

  /** `listener` is called when keys may have changed: what lives by one presents it again. @returns how to stop that */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Read the table; reads are in order, so that an older one never replaces a newer. @throws AppError unavailable */
  refresh(): Promise<void> {
    const reading = this.#reading.then(async () => {
      const rows = await this.#options.store.live();
      this.#known = new Map(rows.map((row) => [row.id, knownOf(row)]));
      this.#wasRead = true;
      for (const id of this.#known.keys()) this.#unknown.delete(id);
      for (const listener of this.#listeners) listener();
    });
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  #isKnownAsNone(id: string): boolean {
    const until = this.#unknown.get(id);
    return until !== undefined && performance.now() < until;
  }

  async #lookUp(name: string, isFound: () => boolean): Promise<void> {
    if (this.#waiting >= WAITING_MAX) throw new AppError("overloaded", { retryAfterMs: 1_000 });
    this.#waiting++;
    try {
      this.#gathering ??= new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS)).then(() => {
        this.#gathering = undefined;
        return this.refresh();
      });
      await this.#gathering;
    } finally {
      this.#waiting--;
    }
    if (isFound()) return;
    if (this.#unknown.size >= UNKNOWN_MAX) this.#unknown.delete(this.#unknown.keys().next().value!);
    this.#unknown.set(name, performance.now() + UNKNOWN_MS);
  }

  /** The change is in the table: here it holds at once, elsewhere as soon as they hear of it. */
  async #changed(): Promise<void> {
    const { bus, onError } = this.#options;
    await Promise.all([
      this.refresh().catch(onError),
      bus?.redis.spublish(keysChannel, "changed").catch(onError),
    ]);
  }

  #heard(): void {
    this.#unknown.clear();
    if (this.#wasRead) this.refresh().catch(this.#options.onError);
  }
}

function knownOf(row: ApiKeyRow): Known {
  return {
    key: { id: row.id, role: row.role, scopes: row.scopes },
    hash: row.secret_hash,
    previous: row.previous_hash ?? NOTHING,
    previousUntilMs: row.previous_until?.getTime() ?? 0,
  };
}
