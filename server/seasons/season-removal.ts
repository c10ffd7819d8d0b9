/**
 * The end of a season's way: a frozen one goes into the archive, then leaves Redis.
 *
 * The record says `archived` before the first key goes, so that nobody reads a season that is half there; it forgets the season when the
 * last one is gone. Each step is done again from the record after a crash.
 */
import type { BoardRecord, BoardSeason } from "../leaderboard/board.ts";
import type { Registry } from "../leaderboard/registry.ts";
import { deleteSeason } from "../leaderboard/season-keys.ts";
import { derive, withClosing, withoutSeason } from "../leaderboard/season-steps.ts";
import type { RedisStore } from "../redis/store.ts";

export type RemovalStep = "archived" | "deleted" | "forgotten";

/** Brings a frozen season's final table into the archive. `behind`: it is not complete there yet, and is asked for again. */
export type OnFrozen = (season: BoardSeason) => Promise<"archived" | "behind">;

export type SeasonRemovalOptions = {
  redis: RedisStore;
  registry: Registry;
  onFrozen: OnFrozen;
  onStep: (step: RemovalStep, board: string) => void | Promise<void>;
};

/** Whether a season waits for the archive. */
export function hasFrozen({ closing }: BoardRecord): boolean {
  return closing.some(({ carried }) => carried);
}

/**
 * Every season of a board that is frozen and carried over, oldest first. Call under the board's lease.
 * @returns `behind` when one must wait. @throws what `onFrozen` throws
 */
export async function removeFrozen(
  { redis, registry, onFrozen, onStep }: SeasonRemovalOptions,
  id: string,
  stillOurs: () => Promise<void>,
): Promise<"removed" | "behind"> {
  for (const one of registry.record(id)?.closing ?? []) {
    if (!one.carried) continue;
    const { board, season, archived } = one;
    await stillOurs();
    if (!archived) {
      if ((await onFrozen({ board, season })) === "behind") return "behind";
      await stillOurs();
      await registry.change(id, (stored) =>
        withClosing(stored, season.number, (closing) => ({ ...closing, archived: true })),
      );
      await onStep("archived", id);
    }
    await deleteSeason(redis, derive(one));
    await onStep("deleted", id);
    await registry.change(id, (stored) => withoutSeason(stored, season.number));
    await onStep("forgotten", id);
  }
  return "removed";
}
