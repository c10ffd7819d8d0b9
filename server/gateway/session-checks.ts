/**
 * Connections that live by a player's session: Redis is asked about it again for as long as they last, and they end when it is over.
 * One that is in use stays alive. This bounds a revocation whose message was lost. The questions go in pipelines of a bounded size.
 * Whose end comes before the next round is asked about again at that moment.
 */
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { Sessions } from "../sessions/sessions.ts";

type Holder = { token: string; end: () => void; isGone?: true };

/** Questions of one pipeline: about a thousandth of a second of Redis. */
const AT_ONCE = 100;
/** Redis's clock and ours may differ: nobody is asked about more often than this. */
const LEAST_WAIT_MS = 100;

export class SessionChecks {
  readonly #sessions: Sessions;
  readonly #holders = new Map<string, Set<Holder>>();
  readonly #loop: Loop;
  readonly #everyMs: number;

  constructor({ sessions, everyMs, log }: { sessions: Sessions; everyMs: number; log: Log }) {
    this.#sessions = sessions;
    this.#everyMs = everyMs;
    this.#loop = new Loop({
      everyMs,
      step: () => this.#check([...this.#holders.values()]),
      onError: (error) => log.error({ err: error }, "checking sessions failed"),
    });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /**
   * The token is asked about once more: it may have been revoked since the caller asked, when nobody held it yet.
   * @param end closes the connection. @returns what must be called when it is closed
   */
  hold(member: string, token: string, end: () => void): () => void {
    const holder: Holder = { token, end };
    const own = this.#holders.get(member) ?? new Set();
    this.#holders.set(member, own.add(holder));
    void this.#check([new Set([holder])]);
    return () => {
      holder.isGone = true;
      if (own.delete(holder) && own.size === 0) this.#holders.delete(member);
    };
  }

  /** Ask about one player now. Never rejects. */
  async check(member: string): Promise<void> {
    const own = this.#holders.get(member);
    if (own) await this.#check([own]);
  }

  async #check(players: readonly Set<Holder>[]): Promise<void> {
    const byToken = new Map<string, Holder[]>();
    for (const holder of players.flatMap((own) => [...own])) {
      const same = byToken.get(holder.token);
      if (same) same.push(holder);
      else byToken.set(holder.token, [holder]);
    }
    const tokens = [...byToken.keys()];
    for (let at = 0; at < tokens.length; at += AT_ONCE) {
      const some = tokens.slice(at, at + AT_ONCE);
      // While Redis is away nobody is sent off: the next check decides.
      const fates = await this.#sessions.touchAll(some);
      for (const [i, token] of some.entries()) {
        const holders = byToken.get(token) ?? [];
        if (fates[i] === "over") for (const { end } of holders) end();
        else if (fates[i] !== undefined) this.#checkAtEnd(holders, fates[i]);
      }
    }
  }

  #checkAtEnd(holders: Holder[], expiresAtMs: number): void {
    const leftMs = Math.max(LEAST_WAIT_MS, expiresAtMs - Date.now() + 1);
    if (leftMs >= this.#everyMs) return;
    setTimeout(() => {
      const held = holders.filter(({ isGone }) => !isGone);
      if (held.length > 0) void this.#check([new Set(held)]);
    }, leftMs).unref();
  }
}
