/** What this client has heard of its boards: their rules, and which season they are in. */
import type { Environment } from "./environment.ts";
import type { Limits } from "./limits.ts";
import type { BoardInfo, Operator } from "./protocol/messages.ts";
import { endOf } from "./protocol/seasons.ts";

type Heard = { info: BoardInfo; at: number };

export class BoardMemory {
  readonly #environment: Environment;
  readonly #limits: Limits;
  readonly #heard = new Map<string, Heard>();

  constructor(environment: Environment, limits: Limits) {
    this.#environment = environment;
    this.#limits = limits;
  }

  learn(info: BoardInfo): void {
    const known = this.#heard.get(info.board);
    if (known && known.info.season.number > info.season.number) return;
    this.#heard.set(info.board, { info, at: this.#environment.now() });
  }

  /** A message named the season that `board` is in. A newer one makes what is known worthless: rules may change with it. */
  hear(board: string, season: number): void {
    const known = this.#heard.get(board);
    if (!known) return;
    if (season > known.info.season.number) this.#heard.delete(board);
    else if (season === known.info.season.number) known.at = this.#environment.now();
  }

  forget(board: string): void {
    this.#heard.delete(board);
  }

  /**
   * The season that a submission made now belongs to, and what its board does with it; undefined means ask first. [P-11]
   *
   * Connected, knowledge must be fresh, since a season that is named and over is refused for good. Offline the
   * last season heard of is the best there is, unless its end has passed by this device's clock.
   */
  seasonNow(board: string, connected: boolean): { season: number; operator: Operator } | undefined {
    const known = this.#heard.get(board);
    if (!known) return undefined;
    const { season, operator } = known.info;
    if (connected && this.#environment.now() - known.at > this.#limits.seasonFreshMs) return undefined;
    const end = endOf(season);
    if (end !== undefined && Date.parse(end) <= this.#environment.wall()) return undefined;
    return { season: season.number, operator };
  }
}
