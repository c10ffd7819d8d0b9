/**
 * A small copy of profiles in each process, for a short time; cleared one by one by notices of changes.
 *
 * It also remembers for a while which versions it has heard of, so that a copy which was on its way meanwhile, or comes from a cache
 * that missed the write, is not taken for new [R 12].
 */
import type { Known } from "./profile-store.ts";

export type LocalLimits = {
  /** Profiles kept, and versions heard of. */
  keptMax: number;
  /** Characters of all kept profiles. */
  charactersMax: number;
  ttlMs: number;
  /** How long a version that was heard of counts: as long as an older copy may live anywhere. */
  heardMs: number;
};

type Kept = Known & { until: number; size: number };

export class LocalProfiles {
  readonly #limits: LocalLimits;
  readonly #now: () => number;
  /** Both in order of age, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #heard = new Map<string, { version: number; until: number }>();
  #characters = 0;

  constructor(limits: LocalLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Fresh enough to answer with. */
  get(member: string): Known | undefined {
    const kept = this.#kept.get(member);
    return kept && kept.until > this.#now() ? kept : undefined;
  }

  /** However old; for when nothing better can be had. */
  last(member: string): Known | undefined {
    return this.#kept.get(member);
  }

  keep(member: string, { version, profile }: Known): void {
    if (this.isOutdated(member, version)) return;
    this.#drop(member);
    const size = member.length + sizeOf(profile);
    if (size > this.#limits.charactersMax / 10) return;
    this.#kept.set(member, { version, profile, size, until: this.#now() + this.#limits.ttlMs });
    this.#characters += size;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limits.keptMax && this.#characters <= this.#limits.charactersMax) break;
      this.#drop(oldest);
    }
  }

  /** Whether a newer version is known to be there, or soon to be. */
  isOutdated(member: string, version: number): boolean {
    const heard = this.#heard.get(member);
    return heard !== undefined && heard.version > version && heard.until > this.#now();
  }

  /** There is such a version: older copies go. @returns false when it was known already */
  hear(member: string, version: number): boolean {
    const kept = this.#kept.get(member);
    if (kept && kept.version < version) this.#drop(member);
    const heard = this.#heard.get(member);
    if (heard && heard.version >= version) return false;
    this.#heard.delete(member);
    this.#heard.set(member, { version, until: this.#now() + this.#limits.heardMs });
    if (this.#heard.size > this.#limits.keptMax) {
      for (const oldest of this.#heard.keys()) {
        this.#heard.delete(oldest);
        break;
      }
    }
    return true;
  }

  /** Notices may have been missed. */
  clear(): void {
    this.#kept.clear();
    this.#characters = 0;
  }

  #drop(member: string): void {
    const kept = this.#kept.get(member);
    if (!kept) return;
    this.#kept.delete(member);
    this.#characters -= kept.size;
  }
}

function sizeOf(profile: Known["profile"]): number {
  if (!profile) return 0;
  const { displayName = "", avatarUrl = "", country = "", extra } = profile;
  const more = extra === undefined ? 0 : JSON.stringify(extra).length;
  return displayName.length + avatarUrl.length + country.length + more;
}
