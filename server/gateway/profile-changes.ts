/**
 * Changes of profiles as this gateway hears of them: gathered for a moment and handed on together, and remembered for a while, because a
 * look-up that was under way when the notice came may still bring what was before.
 */
import type { LiveWindow, Profile } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Profiles } from "../profiles/profiles.ts";
import { withProfiles } from "./entry-profiles.ts";

/** Undefined: removed. */
export type ChangedProfiles = ReadonlyMap<string, Profile | undefined>;

const GATHER_MS = 100;
const GATHERED_MAX = 1_000;
/** Longer than a look-up takes. */
const REMEMBER_MS = 10_000;
const REMEMBERED_MAX = 2_000;

export class ProfileChanges {
  readonly #recent = new Map<string, { profile: Profile | undefined; at: number }>();
  readonly #listeners = new Set<(changed: ChangedProfiles) => void>();
  readonly #missedListeners = new Set<() => void>();
  #gathered = new Map<string, Profile | undefined>();

  readonly #profiles: Profiles;
  /** When the look-up for a window began. */
  readonly #began = new WeakMap<LiveWindow, number>();

  constructor(profiles: Profiles) {
    this.#profiles = profiles;
    profiles.onChange((member, profile) => this.#changed(member, profile));
    profiles.onMissed(() => {
      for (const listener of this.#missedListeners) listener();
    });
  }

  /** Hear of changes, a tenth of a second after the first of them at the latest. */
  onChanges(listener: (changed: ChangedProfiles) => void): void {
    this.#listeners.add(listener);
  }

  /** Changes may have been missed: look everything up again. */
  onMissed(listener: () => void): void {
    this.#missedListeners.add(listener);
  }

  /** What holds of a member for whom a look-up that began at `began` (`performance.now()`) has brought `looked`. */
  newest(member: string, looked: Profile | undefined, began: number): Profile | undefined {
    const recent = this.#recent.get(member);
    return recent && recent.at >= began ? recent.profile : looked;
  }

  /** The window with the profiles that its board asks for. Never rejects. */
  async complete(open: OpenBoard, window: LiveWindow): Promise<LiveWindow> {
    const began = performance.now();
    const completed = { ...window, entries: await withProfiles(this.#profiles, open, window.entries) };
    this.#began.set(completed, began);
    return completed;
  }

  /** For `newest`, of a window that was completed here. */
  beganOf(window: LiveWindow): number {
    return this.#began.get(window) ?? 0;
  }

  #changed(member: string, profile: Profile | undefined): void {
    const at = performance.now();
    // Removed first, so that the map is in order of time.
    this.#recent.delete(member);
    this.#recent.set(member, { profile, at });
    for (const [oldest, { at: since }] of this.#recent) {
      if (this.#recent.size <= REMEMBERED_MAX && since > at - REMEMBER_MS) break;
      this.#recent.delete(oldest);
    }
    if (this.#gathered.size === 0) setTimeout(() => this.#handOn(), GATHER_MS).unref();
    this.#gathered.set(member, profile);
    if (this.#gathered.size >= GATHERED_MAX) this.#handOn();
  }

  #handOn(): void {
    if (this.#gathered.size === 0) return;
    const changed = this.#gathered;
    this.#gathered = new Map();
    for (const listener of this.#listeners) listener(changed);
  }
}
