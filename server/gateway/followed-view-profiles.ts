/** The profiles beside all views that somebody follows here: kept from the first follower of a view to its last. */
import type { View } from "../feed/view.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Registry } from "../leaderboard/registry.ts";
import type { Profiles } from "../profiles/profiles.ts";
import type { ProfileChanges } from "./profile-changes.ts";
import { ViewProfiles } from "./view-profiles.ts";

type Held = { board: string; profiles: ViewProfiles; users: number };

/** `ready` resolves when they are there, or half a second later. */
export type HeldProfiles = { profiles: ViewProfiles; ready: () => Promise<void>; release: () => void };

/** How long the first follower of a view may wait for its profiles; later ones come by an event. */
const READY_MS = 500;

export class TopProfiles {
  readonly #parts: { profiles: Profiles; changes: ProfileChanges };
  readonly #held = new Map<View, Held>();

  constructor(parts: { profiles: Profiles; changes: ProfileChanges; registry: Registry }) {
    this.#parts = parts;
    parts.changes.onChanges((changed) => {
      for (const { profiles } of this.#held.values()) profiles.onChanges(changed);
    });
    parts.changes.onMissed(() => {
      for (const { profiles } of this.#held.values()) profiles.again();
    });
    parts.registry.onChange(({ board }) => {
      for (const held of this.#held.values()) {
        if (held.board === board.id) held.profiles.ask(board.profileFields);
      }
    });
  }

  /** The profiles beside a view of a feed that is followed, until they are released. */
  hold(open: OpenBoard, view: View): HeldProfiles {
    let held = this.#held.get(view);
    if (!held) {
      held = { board: open.board.id, profiles: new ViewProfiles(view, open, this.#parts), users: 0 };
      this.#held.set(view, held);
    }
    const { profiles } = held;
    held.users++;
    let done = false;
    const entry = held;
    const release = (): void => {
      if (done) return;
      done = true;
      if (--entry.users > 0) return;
      profiles.close();
      this.#held.delete(view);
    };
    return { profiles, ready: () => profiles.ready(READY_MS), release };
  }
}
