/** The best entries of a board as a store that a page can subscribe to. */
import { NOTHING_SHOWN, type ShownEntries, showEntries } from "./board-view.ts";
import type { SdkError } from "./errors.ts";
import type { TopSubscription } from "./follows.ts";
import { mappedStore } from "./mapped-store.ts";
import { type BoardInfo, type Entry, type Position, VIEW_SIZES, type ViewSize } from "./protocol/messages.ts";
import type { Store } from "./store.ts";
import type { FollowStatus } from "./subscription-state.ts";

export type TopSnapshot = {
  /** `stale` entries are right but old: they are being caught up with. `error` has given up; subscribing anew tries again. */
  status: FollowStatus;
  /** Best first. An entry that did not change is the same object as before, and so is the array when none did. */
  entries: readonly Entry[];
  /** Members on the board when its top last changed; 0 until the first answer. */
  total: number;
  position: Position | undefined;
  info: BoardInfo | undefined;
  /** Why it is not live, when a request was refused. */
  error: SdkError | undefined;
};

export type TopStore = Store<TopSnapshot>;

/** The smallest view that holds `limit` entries. */
export function viewSizeFor(limit: number): ViewSize {
  return VIEW_SIZES.find((size) => size === "all" || size >= limit) ?? "all";
}

/** The first `limit` entries of a subscription, which is followed while this store has a listener. */
export function createTopStore(subscription: TopSubscription, limit: number): TopStore {
  let shown: ShownEntries = NOTHING_SHOWN;
  const { getSnapshot } = mappedStore(subscription.state, ({ status, value: view, info, error }) => {
    if (view && info) shown = showEntries(view, info, limit, shown);
    return {
      status,
      entries: shown.entries,
      total: view?.total ?? 0,
      position: view?.position,
      info,
      error,
    };
  });
  return {
    getSnapshot,
    subscribe: (listener) => {
      const unsubscribe = subscription.state.subscribe(listener);
      const unfollow = subscription.follow();
      return () => {
        unsubscribe();
        unfollow();
      };
    },
  };
}
