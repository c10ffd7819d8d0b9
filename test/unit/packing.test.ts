import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DecimalColumn } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../../server/base/errors.ts";
import { type BoardDefinition, boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { type DecimalLayout, layoutOf, tieDigit } from "../../server/leaderboard/layout.ts";
import { packKey, unpackKey } from "../../server/leaderboard/packing.ts";
import { scaleWhole } from "../../server/leaderboard/values.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");

function layout(definition: BoardDefinition) {
  const board = boardFrom("b", boardDefinition.parse(definition));
  const endsAtMs = board.endsAt === undefined ? undefined : Date.parse(board.endsAt);
  return layoutOf(board, { openedAtMs: NOW, ...(endsAtMs === undefined ? {} : { endsAtMs }) });
}

function refusal(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const columns: fc.Arbitrary<DecimalColumn[]> = fc
  .array(
    fc.record({
      name: fc.constant("c"),
      type: fc.constant("decimal" as const),
      order: fc.constantFrom("desc" as const, "asc" as const),
      min: fc.integer({ min: -40, max: 40 }),
      span: fc.integer({ min: 0, max: 50 }),
      decimals: fc.constantFrom(0, 1, 2),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) => list.map(({ span, min, ...c }, i) => ({ ...c, name: `c${i}`, min, max: min + span })));

describe("a packed sort key", () => {
  test("gives back every column, and orders as the columns do", () => {
    const rows = columns.chain((list) => {
      const row = fc.tuple(
        ...list.map(({ min, max, decimals }) => {
          const scale = 10 ** decimals;
          return fc.integer({ min: min * scale, max: max * scale });
        }),
      );
      return fc.record({ list: fc.constant(list), a: row, b: row });
    });
    fc.assert(
      fc.property(rows, ({ list, a, b }) => {
        const { head: made } = layout({ operator: "set", order: list[0]!.order, columns: list });
        const values = unpackKey(made, packKey(made, a, 0));
        expect(values).toEqual(a.map((scaled, i) => scaled / 10 ** list[i]!.decimals));
        const difference =
          list
            .map(({ order }, i) => (order === "desc" ? b[i]! - a[i]! : a[i]! - b[i]!))
            .find((d) => d !== 0) ?? 0;
        expect(Math.sign(packKey(made, a, 0) - packKey(made, b, 0))).toBe(Math.sign(difference));
      }),
      { numRuns: 2_000 },
    );
  });

  test("is exact at both ends of 53 bits", () => {
    const { head: made } = layout({ operator: "set" });
    for (const score of [0, 1, 2 ** 52, 2 ** 53 - 2, 2 ** 53 - 1]) {
      expect(unpackKey(made, packKey(made, [score], 0))).toEqual([score]);
    }
  });

  test("divides exactly where the quotient of two doubles would round up", () => {
    const { head: made } = layout({
      operator: "set",
      columns: [
        { name: "a", max: 2 ** 26 - 1 },
        { name: "b", max: 2 ** 27 - 1, order: "asc" },
      ],
    });
    for (const a of [0, 1, 2 ** 26 - 1]) {
      for (const b of [0, 1, 2 ** 27 - 2, 2 ** 27 - 1]) {
        expect(unpackKey(made, packKey(made, [a, b], 0))).toEqual([a, b]);
      }
    }
  });

  test("puts the earlier or the later arrival first, as the board's ties say", () => {
    const endsAt = "2026-01-02T00:00:00Z";
    const one = { name: "score", max: 1_000 };
    const earliest = layout({ operator: "set", ties: "earliest", endsAt, columns: [one] });
    const latest = layout({ operator: "set", ties: "latest", endsAt, columns: [one] });
    expect(tieDigit(earliest, NOW + 5)).toBeLessThan(tieDigit(earliest, NOW + 6));
    expect(tieDigit(latest, NOW + 5)).toBeGreaterThan(tieDigit(latest, NOW + 6));
    // A clock that is off does not leave the digit's range.
    for (const at of [NOW - 1e9, NOW + 1e12]) {
      expect(tieDigit(earliest, at)).toBeGreaterThanOrEqual(0);
      expect(tieDigit(earliest, at)).toBeLessThan(earliest.tieRadix);
    }
  });
});

const bits = (a: number, b: number) => [
  { name: "a", max: 2 ** a - 1 },
  { name: "b", max: 2 ** b - 1 },
];

describe("the layout of a board", () => {
  const kindOf = (definition: BoardDefinition) => layout(definition).kind;

  test("is packed to the last of 53 bits, and wide beyond", () => {
    expect(kindOf({ operator: "incr", columns: bits(26, 27) })).toBe("packed");
    const over = [{ name: "a", max: 2 ** 26 }, bits(26, 27)[1]!];
    const wide = layout({ operator: "incr", columns: over });
    expect(wide.kind).toBe("wide");
    // Each column that fits beside those before it is in the score.
    expect([wide.head.columns.length, wide.tail.length]).toEqual([1, 1]);
    const more = layout({ operator: "incr", columns: [...bits(20, 30), { name: "c", max: 31 }] });
    expect([more.head.columns.length, more.tail.length]).toEqual([2, 1]);
  });

  test("is wide where a column is no decimal, or ties go by time and the season has no end", () => {
    expect(kindOf({ operator: "set", columns: [{ name: "f", type: "float" }] })).toBe("wide");
    const int64 = { name: "i", type: "int64" as const };
    expect(kindOf({ operator: "best", columns: [{ name: "s", max: 1 }, int64] })).toBe("wide");
    const one = [{ name: "s", max: 10 }];
    expect(kindOf({ operator: "incr", ties: "latest", columns: one })).toBe("wide");
    expect(kindOf({ operator: "incr", ties: "latest", columns: one, endsAt: "2026-02-01T00:00:00Z" })).toBe(
      "packed",
    );
  });

  test("is refused with the bits of the column that is too wide by itself", () => {
    const error = refusal(() =>
      layout({ operator: "set", columns: [{ name: "points", min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }] }),
    );
    expect(error.code).toBe("board_invalid");
    expect(error.message).toContain("54 bits");
    expect(error.details).toMatchObject({ available: 53, needed: 54, parts: [{ part: "points" }] });
  });
});

describe("a submitted value", () => {
  const points = layout({ operator: "set", columns: [{ name: "points", decimals: 1, max: 1000 }] })
    .columns[0] as DecimalLayout;

  test("is taken iff it has no more decimals than its column", () => {
    expect(scaleWhole(points, 12.5)).toBe(125);
    expect(scaleWhole(points, 0.3)).toBe(3);
    for (const value of [0.25, 1 / 3, 12.500000001]) {
      expect(refusal(() => scaleWhole(points, value)).code).toBe("not_representable");
    }
  });

  test("is refused outside of its column's range, and when it is no number", () => {
    for (const value of [-0.1, 1000.1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(refusal(() => scaleWhole(points, value)).code).toBe("out_of_range");
    }
  });
});
