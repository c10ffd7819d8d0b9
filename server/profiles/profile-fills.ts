/**
 * Bringing profiles from the database to the cache, each by one at a time: in this process by its flights, among processes by the
 * token that the cache gives [R 12]. Who does not get it waits for the one who did, for as long as that one may take, then asks the
 * database itself.
 */
import { sleep } from "../base/clock.ts";
import type { Gather } from "./gather.ts";
import type { Copy, ProfileCache } from "./profile-cache.ts";
import type { ProfileMetrics } from "./profile-metrics.ts";
import type { Known } from "./profile-store.ts";

export type FillsOptions = {
  cache: ProfileCache;
  rows: Gather<Known>;
  metrics: ProfileMetrics;
  /** How long to wait for another process. */
  waitMs: number;
  onError: (error: unknown) => void;
};

const POLL_FIRST_MS = 5;
const POLL_CAP_MS = 40;

export class ProfileFills {
  readonly #options: FillsOptions;
  readonly #flights = new Map<string, Promise<unknown>>();

  constructor(options: FillsOptions) {
    this.#options = options;
  }

  /**
   * Ends when the fill of this member that is under way has ended. It brings no value: what it found may be older than who asks now,
   * who therefore looks again.
   */
  flightOf(member: string): Promise<unknown> | undefined {
    return this.#flights.get(member);
  }

  /**
   * @param wanted members of whom none has a flight; a copy that is seen is to be refreshed, and left if another process does that
   * @returns what is in the database now; without those whom it did not tell. Never rejects.
   */
  async fill(wanted: ReadonlyMap<string, Copy | undefined>): Promise<Map<string, Known>> {
    const found = new Map<string, Known>();
    const flight = this.#fly(wanted, found).catch(this.#options.onError);
    for (const member of wanted.keys()) this.#flights.set(member, flight);
    await flight;
    for (const member of wanted.keys()) this.#flights.delete(member);
    return found;
  }

  async #fly(wanted: ReadonlyMap<string, Copy | undefined>, found: Map<string, Known>): Promise<void> {
    const { cache, metrics, waitMs } = this.#options;
    const endsAt = performance.now() + waitMs;
    let open = wanted;
    for (let pollMs = POLL_FIRST_MS; open.size > 0; pollMs = Math.min(POLL_CAP_MS, pollMs * 2)) {
      const tokens = new Map<string, string>();
      const direct: string[] = [];
      const waiting = new Map<string, undefined>();
      const isLate = performance.now() >= endsAt;
      for (const [member, answer] of await cache.take(open)) {
        if (answer === "away" || (answer === "wait" && isLate)) direct.push(member);
        else if (answer === "wait") waiting.set(member, undefined);
        else if ("token" in answer) tokens.set(member, answer.token);
        else found.set(member, answer.copy);
      }
      const isRefresh = (member: string): boolean => open.get(member) !== undefined;
      for (const member of waiting.keys()) if (isRefresh(member)) waiting.delete(member);
      if (open === wanted) metrics.waits.inc(waiting.size);
      await this.#bring(tokens, direct, found);
      open = waiting;
      if (open.size > 0) await sleep(pollMs);
    }
  }

  /** One query for all of them; those with a token go to the cache too. */
  async #bring(
    tokens: ReadonlyMap<string, string>,
    direct: readonly string[],
    found: Map<string, Known>,
  ): Promise<void> {
    const { cache, rows } = this.#options;
    if (tokens.size + direct.length === 0) return;
    let loaded: Map<string, Known>;
    try {
      loaded = await rows.load([...tokens.keys(), ...direct]);
    } catch (error) {
      await cache.release(tokens);
      throw error;
    }
    for (const [member, known] of loaded) found.set(member, known);
    const fills = Array.from(tokens, ([member, token]) => ({ member, token, ...loaded.get(member)! }));
    await cache.fill(fills);
  }
}
