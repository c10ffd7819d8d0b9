/** Where one member stands, live at any depth, as a store that a page can subscribe to. */
import type { SdkError } from "./errors.ts";
import type { Latest } from "./latest-question.ts";
import type { LiveFollow } from "./live-follow.ts";
import { mappedStore } from "./mapped-store.ts";
import type { BoardInfo, Standing } from "./protocol/messages.ts";
import type { Store } from "./store.ts";
import type { FollowStatus, SubscriptionState } from "./subscription-state.ts";

export type MeSnapshot = {
  /** A `stale` standing is what the server said last; it is being caught up with. `error` has given up; subscribing anew tries again. */
  status: FollowStatus;
  /** Undefined until the first answer; its `rank` is null when the member is not on the board. */
  standing: Standing | undefined;
  /** Places gained (above 0) or lost by the last push that moved the rank; 0 for a first rank and in a new season. */
  change: number;
  info: BoardInfo | undefined;
  /** Why it is not live, when a request was refused. */
  error: SdkError | undefined;
};

export type MeStore = Store<MeSnapshot>;

export function createMeStore(follow: LiveFollow<Standing>): MeStore {
  return mappedStore(follow, showStanding);
}

function showStanding({ status, value, info, error }: SubscriptionState<Latest<Standing>>): MeSnapshot {
  return { status, standing: value?.now, change: value ? changeOf(value) : 0, info, error };
}

function changeOf({ now, before }: Latest<Standing>): number {
  if (!before || before.rank === null || now.rank === null) return 0;
  return before.rank - now.rank;
}
