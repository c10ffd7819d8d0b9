/** Live windows, round a member or of a list of friends, as stores that a page can subscribe to. */
import type { SdkError } from "./errors.ts";
import type { Latest } from "./latest-question.ts";
import type { LiveFollow } from "./live-follow.ts";
import { mappedStore } from "./mapped-store.ts";
import type { BoardInfo, LiveWindow, WindowEntry } from "./protocol/messages.ts";
import type { Store } from "./store.ts";
import type { FollowStatus } from "./subscription-state.ts";

export type WindowSnapshot = {
  /** As in a top store. */
  status: FollowStatus;
  /** Best first. An entry that did not change is the same object as before. */
  entries: readonly WindowEntry[];
  /** Whom the window is round; undefined for friends, and until the first answer. */
  member: string | undefined;
  /** Only for the member: hidden by an admin. Then nobody is shown. */
  hidden: true | undefined;
  /** Those of the friends who are not on the board. */
  missing: readonly string[];
  /** Members on the board. */
  total: number;
  /** When the entries were so: ms since the Unix epoch, by the server's clock; 0 until the first answer. */
  asOf: number;
  info: BoardInfo | undefined;
  /** Why it is not live, when a request was refused. */
  error: SdkError | undefined;
};

export type WindowStore = Store<WindowSnapshot>;

/** @param limit entries to show round the member; all there are when absent */
export function createWindowStore(
  follow: LiveFollow<LiveWindow>,
  limit = Number.POSITIVE_INFINITY,
): WindowStore {
  let shown: readonly WindowEntry[] = [];
  let from: Latest<LiveWindow> | undefined;
  return mappedStore(follow, ({ status, value, info, error }) => {
    if (value && value !== from) shown = keepSame(nearest(value.now, limit), shown);
    from = value;
    const window = value?.now;
    return {
      status,
      entries: shown,
      member: window?.kind === "around" ? window.member : undefined,
      hidden: window?.kind === "around" ? window.hidden : undefined,
      missing: window?.kind === "members" ? window.missing : [],
      total: window?.total ?? 0,
      asOf: window?.asOf ?? 0,
      info,
      error,
    };
  });
}

/** The part of a window that a smaller one would have been: the member in the middle, but for the board's ends. */
function nearest(window: LiveWindow, limit: number): readonly WindowEntry[] {
  const { entries } = window;
  if (entries.length <= limit || window.kind !== "around") return entries;
  const middle = entries.findIndex(({ member }) => member === window.member);
  const above = Math.min(Math.max(0, middle), Math.floor((limit - 1) / 2));
  const start = Math.max(0, Math.min(middle - above, entries.length - limit));
  return entries.slice(start, start + limit).map((entry, i) => ({ ...entry, place: i + 1 }));
}

/** A list then renders only what changed. */
function keepSame(entries: readonly WindowEntry[], before: readonly WindowEntry[]): readonly WindowEntry[] {
  const texts = new Map(before.map((entry) => [JSON.stringify(entry), entry]));
  return entries.map((entry) => texts.get(JSON.stringify(entry)) ?? entry);
}
