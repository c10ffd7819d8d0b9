/**
 * What admins and game servers change, noted in Redis before and after it is done, on its way to the database: a change of boards must
 * not wait for a database that is away, and must not go unrecorded because of it.
 *
 * The stream is bounded: with the database away for very long the oldest notes are dropped. A Redis that has no room for a note does
 * not hold the change up; the note goes to the log instead.
 */
import { newId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { auditOutboxKey } from "../redis/keys.ts";
import type { RedisStore } from "../redis/store.ts";

/** Notes that wait: about 100 MB at most, usually 5. */
const NOTES_MAX = 20_000;
const DETAILS_CHARACTERS_MAX = 4_096;

export type AuditEntry = {
  /** An API key's id, `ADMIN_KEY`, `SERVER_KEY`, `cli`, or the part of Rankwire that did it. */
  actor: string;
  /** Such as `board.put`. */
  action: string;
  board?: string | undefined;
  season?: number | undefined;
  member?: string | undefined;
  reason?: string | undefined;
  details?: Record<string, unknown> | undefined;
};

/** What came of it: `done` or the code of an error; left out, only the details are added. */
export type AuditOutcome = Partial<AuditEntry> & { outcome?: string };

/** One note as it is stored; `at` is in ms since the Unix epoch. */
export type AuditNote = { request: string; at: number; meant?: AuditEntry; came?: AuditOutcome };

export class AuditOutbox {
  readonly #redis: RedisStore;
  readonly #log: Log;

  constructor(redis: RedisStore, log: Log) {
    this.#redis = redis;
    this.#log = log;
  }

  /** Before it is done. @returns the call's name, for what comes of it. Never rejects. */
  async intend(entry: AuditEntry): Promise<string> {
    const request = newId();
    await this.#add({ request, at: Date.now(), meant: { ...entry, details: bounded(entry.details) } });
    return request;
  }

  /** After it. Never rejects. */
  settle(request: string, came: AuditOutcome): Promise<void> {
    return this.#add({ request, at: Date.now(), came: { ...came, details: bounded(came.details) } });
  }

  /** The oldest notes, with their ids. */
  async take(count: number): Promise<{ id: string; note: AuditNote }[]> {
    const entries = await this.#redis.xrange(auditOutboxKey, "-", "+", "COUNT", count);
    return entries.map(([id, fields]) => ({ id, note: JSON.parse(fields[1]!) as AuditNote }));
  }

  async forget(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#redis.xdel(auditOutboxKey, ...ids);
  }

  async #add(note: AuditNote): Promise<void> {
    try {
      await this.#redis.xadd(auditOutboxKey, "MAXLEN", "~", NOTES_MAX, "*", "note", storable(note));
    } catch (error) {
      this.#log.warn({ err: error, audit: note }, "an admin's call could not be noted for the audit trail");
    }
  }
}

/** As JSON of what PostgreSQL can store: a NUL or half a surrogate pair, which JSON escapes, becomes U+FFFD. A note that it refused would hold up all others. */
function storable(note: AuditNote): string {
  return JSON.stringify(note).replace(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/gi, "$1\ufffd");
}

function bounded(details: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  const text = details && JSON.stringify(details);
  return text !== undefined && text.length > DETAILS_CHARACTERS_MAX ? { characters: text.length } : details;
}
