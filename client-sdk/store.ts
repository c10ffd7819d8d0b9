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
  const listeners = new Listeners<void>();
  return {
    getSnapshot: () => value,
    subscribe: (listener) => listeners.add(listener),
    set: (next) => {
      value = next;
      listeners.call();
    },
  };
}

/**
 * Listeners of the application. What one throws is reported as uncaught, as a DOM event target does: it must neither be swallowed nor
 * leave the client half way through a change.
 */
export class Listeners<T> {
  // Each subscription is an object of its own: one function may be subscribed twice.
  readonly #subscriptions = new Set<{ listener: (value: T) => void }>();

  /** @returns what takes the listener away again */
  add(listener: (value: T) => void): () => void {
    const subscription = { listener };
    this.#subscriptions.add(subscription);
    return () => void this.#subscriptions.delete(subscription);
  }

  call(value: T): void {
    for (const { listener } of [...this.#subscriptions]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
