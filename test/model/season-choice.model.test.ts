/** Which season takes a submission: for any instant and name exactly one, or a refusal that a naive model explains. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { AppError } from "../../server/base/errors.ts";
import type { BoardRecord } from "../../server/leaderboard/board.ts";
import { boardDefinition, boardFrom, newSeason } from "../../server/leaderboard/board-schema.ts";
import { checkSeason, takingAt } from "../../server/leaderboard/season-choice.ts";
import { seasonsAt, withNext, withNextOpen } from "../../server/leaderboard/season-steps.ts";

const OPENED = Date.parse("2026-01-10T00:00:00Z");
const END = Date.parse("2026-02-01T00:00:00Z");

/** How far a process knows the rollover of season 1. */
type Knowledge = "nothing" | "prepared" | "open";

function recordOf(scheduled: boolean, knowledge: Knowledge): BoardRecord {
  const season = scheduled ? { cron: "0 0 1 * *", timeZone: "UTC" } : { schedule: "manual" };
  const board = boardFrom("cup", boardDefinition.parse({ operator: "best", season }));
  const first: BoardRecord = {
    board,
    season: { ...newSeason(board, 1, OPENED), state: "open" },
    revision: 1,
    closing: [],
  };
  if (knowledge === "nothing") return first;
  const prepared = withNext(first, END - 5_000);
  return knowledge === "prepared" ? prepared : withNextOpen(prepared, END, END - 5_000);
}

/** The season that takes it, or the code of the refusal. */
function answer(
  record: BoardRecord,
  knownAtMs: number,
  named: number | undefined,
  atMs: number,
): number | string {
  const open = takingAt(seasonsAt(record, knownAtMs).current, atMs);
  try {
    checkSeason(open, named, atMs);
    return open.season.number;
  } catch (error) {
    return (error as AppError).code;
  }
}

function naive(
  scheduled: boolean,
  knowledge: Knowledge,
  named: number | undefined,
  atMs: number,
): number | string {
  const ends = scheduled || knowledge === "open";
  const over = ends && atMs >= END;
  const now = over && knowledge === "open" ? 2 : 1;
  if (named !== undefined && named > now) return "season_not_found";
  if (named !== undefined && named < now) return "season_closed";
  if (over && now === 1) return named === undefined ? "season_changing" : "season_closed";
  return now;
}

test("a submission belongs to one season by its arrival, and to none other by its name", () => {
  const instant = fc
    .oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -60_000, max: 60_000 }))
    .map((ms) => END + ms);
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.constantFrom<Knowledge>("nothing", "prepared", "open"),
      fc.constantFrom(undefined, 1, 2, 3),
      instant,
      // When the process derived what it knows: no later than the arrival.
      fc.nat(60_000),
      (scheduled, knowledge, named, atMs, ago) => {
        const got = answer(recordOf(scheduled, knowledge), atMs - ago, named, atMs);
        expect(got).toBe(naive(scheduled, knowledge, named, atMs));
      },
    ),
    { numRuns: 2_000 },
  );
});

test("the same named submission is never taken by two, whichever gateways it comes to and whatever they know", () => {
  const call = fc.record({
    knowledge: fc.constantFrom<Knowledge>("nothing", "prepared", "open"),
    atMs: fc.integer({ min: -10_000, max: 10_000 }).map((ms) => END + ms),
  });
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.constantFrom(1, 2),
      fc.array(call, { minLength: 2, maxLength: 5 }),
      (scheduled, named, calls) => {
        const taken = calls.map(({ knowledge, atMs }) =>
          answer(recordOf(scheduled, knowledge), atMs, named, atMs),
        );
        for (const one of taken) if (typeof one === "number") expect(one).toBe(named);
      },
    ),
  );
});
