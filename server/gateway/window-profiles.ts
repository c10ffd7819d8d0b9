/**
 * What one subscription of a window shows of its members' profiles: entries come with them, and what changes afterwards is told beside
 * the windows [P-22].
 */
import type {
  LiveWindow,
  MemberProfiles,
  Profile,
  ProfileField,
} from "../../client-sdk/protocol/messages.ts";
import { inMessages, shownOf } from "./entry-profiles.ts";
import type { ChangedProfiles, ProfileChanges } from "./profile-changes.ts";

export class WindowProfiles {
  readonly #changes: ProfileChanges;
  readonly #members = new Set<string>();
  /** Changed, and not told yet. */
  readonly #untold = new Map<string, Profile | null>();

  constructor(changes: ProfileChanges) {
    this.#changes = changes;
  }

  get members(): ReadonlySet<string> {
    return this.#members;
  }

  /** The window as it is to be sent in this turn: a change that was heard of since it was made is in it. */
  show(window: LiveWindow, fields: readonly ProfileField[]): LiveWindow {
    const untold = new Map(this.#untold);
    this.#members.clear();
    this.#untold.clear();
    if (fields.length === 0) return window;
    const began = this.#changes.beganOf(window);
    const entries = window.entries.map(({ profile: looked, ...entry }) => {
      this.#members.add(entry.member);
      const known = untold.has(entry.member) ? (untold.get(entry.member) ?? undefined) : looked;
      const profile = shownOf(this.#changes.newest(entry.member, known, began), fields);
      return profile ? { ...entry, profile } : entry;
    });
    return { ...window, entries };
  }

  /** @returns whether there is something to tell */
  change(changed: ChangedProfiles, fields: readonly ProfileField[]): boolean {
    // Whichever are fewer: one profile has changed, and thousands of windows are asked.
    const [few, many] =
      changed.size < this.#members.size ? [changed, this.#members] : [this.#members, changed];
    for (const member of few.keys()) {
      if (many.has(member)) this.#untold.set(member, shownOf(changed.get(member), fields));
    }
    return this.#untold.size > 0;
  }

  /** What to tell in this turn, in the size of messages. */
  take(): MemberProfiles[] {
    const messages = inMessages(this.#untold);
    this.#untold.clear();
    return messages;
  }
}
