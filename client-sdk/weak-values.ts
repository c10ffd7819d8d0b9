/** Values that are kept as long as somebody else holds them: the same key gives the same value, and none piles up. */
export class WeakValues<V extends object> {
  readonly #known = new Map<string, WeakRef<V>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key);
  });

  getOrMake(key: string, make: () => V): V {
    const known = this.#known.get(key)?.deref();
    if (known) return known;
    const made = make();
    this.#known.set(key, new WeakRef(made));
    this.#gone.register(made, key);
    return made;
  }
}
