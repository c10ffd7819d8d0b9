/** What a store of live ranks holds on to. */
import type { Latest } from "./latest-question.ts";
import type { BoardInfo } from "./protocol/messages.ts";
import type { Store } from "./store.ts";
import type { Subscription } from "./subscription.ts";
import type { SubscriptionState } from "./subscription-state.ts";

/** `E` are the events, where they are more than new answers. */
export type LiveSubscription<T, R extends { info: BoardInfo }, E = T> = Subscription<Latest<T>, E, R>;

/** Followed while it has a listener. */
export type LiveFollow<T> = Store<SubscriptionState<Latest<T>>>;

/**
 * A subscription that nobody wants is forgotten, since members to follow are without number; a store outlives it and
 * comes back. Then `adopt` gives the subscription that has the name on the wire by now: one's own, or another's.
 */
export function createLiveFollow<T, R extends { info: BoardInfo }, E>(
  made: LiveSubscription<T, R, E>,
  adopt: (own: LiveSubscription<T, R, E>) => LiveSubscription<T, R, E>,
): LiveFollow<T> {
  let subscription = made;
  return {
    getSnapshot: () => subscription.state.getSnapshot(),
    subscribe: (listener) => {
      subscription = adopt(subscription);
      const unsubscribe = subscription.state.subscribe(listener);
      const unfollow = subscription.follow();
      return () => {
        unsubscribe();
        unfollow();
      };
    },
  };
}
