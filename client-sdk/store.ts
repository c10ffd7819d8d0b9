/** A value that can be watched, in the shape that React's `useSyncExternalStore` takes. */

export type Store<T> = {
  /** The value as it is; the same reference until it changes. */
  getSnapshot: () => T;
  /** Call `listener` after every change, until the returned function is called. */
  subscribe: (listener: () => void) => () => void;
};

export type WritableStore<T> = Store<T> & { set: (value: T) => void };

export function createStore<T>(initial: T): WritableStore<T> {
  let value = initial;
  // Each subscription is an object of its own: one function may be subscribed twice.
  const subscriptions = new Set<{ listener: () => void }>();
  return {
    getSnapshot: () => value,
    subscribe: (listener) => {
      const subscription = { listener };
      subscriptions.add(subscription);
      return () => void subscriptions.delete(subscription);
    },
    set: (next) => {
      value = next;
      for (const { listener } of [...subscriptions]) callOut(listener);
    },
  };
}

/**
 * Call a listener of the application. What it throws is reported as uncaught, as a DOM event target does: it must
 * neither be swallowed nor leave the client half way through a change.
 */
function callOut(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
