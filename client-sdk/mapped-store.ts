/** A store seen through a function. */
import type { Store } from "./store.ts";

/** Made when it is read, and kept until the state behind it is another one: reading twice gives the same object. */
export function mappedStore<S, T>(source: Store<S>, show: (state: S) => T): Store<T> {
  let shown: { from: S; value: T } | undefined;
  return {
    getSnapshot: () => {
      const from = source.getSnapshot();
      if (!shown || shown.from !== from) shown = { from, value: show(from) };
      return shown.value;
    },
    subscribe: source.subscribe,
  };
}
