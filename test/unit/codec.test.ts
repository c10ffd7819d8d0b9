/** Places between their forms: nothing is lost on the way, and every form orders as the values do. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Row } from "../../client-sdk/protocol/messages.ts";
import { compareRows } from "../../client-sdk/protocol/rows.ts";
import { boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import {
  entryValues,
  fromStored,
  keyText,
  placeFrom,
  placeOf,
  rowOf,
  storedMember,
} from "../../server/leaderboard/codec.ts";
import { layoutOf } from "../../server/leaderboard/layout.ts";
import type { Place } from "../../server/leaderboard/page-cursor.ts";
import { comparePlaces } from "../../server/leaderboard/reader.ts";
import {
  digitAt,
  digitLength,
  digitText,
  floatAt,
  floatText,
  int64At,
  int64Text,
} from "../../server/leaderboard/sortable-text.ts";
import { codeOf } from "../../server/leaderboard/values.ts";
import { anyDefinition, anyValues, anyWideDefinition, FLOATS, INT64S } from "../support/arbitrary-board.ts";
import { NaiveBoard, type Value } from "../support/naive-board.ts";

const anyFloat = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(...FLOATS));
const anyInt64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(...INT64S.map(BigInt)),
);
const direction = fc.constantFrom(1 as const, -1 as const);

/** Bytes, as Redis and Lua compare them. */
function order(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

describe("numbers as sortable text", () => {
  test("come back to the last bit and in their order: floats", () => {
    fc.assert(
      fc.property(anyFloat, anyFloat, direction, (a, b, by) => {
        const [x, y] = [floatText(a, by), floatText(b, by)];
        expect(floatAt(`-${x}z`, 1, by)).toBe(a === 0 ? 0 : a);
        expect(x).toMatch(/^[-0-9A-Z_a-z]{11}$/);
        expect(order(x, y)).toBe(a === b ? 0 : a < b ? -by : by);
      }),
      { numRuns: 5_000 },
    );
  });

  test("come back to the last bit and in their order: 64-bit integers", () => {
    fc.assert(
      fc.property(anyInt64, anyInt64, direction, (a, b, by) => {
        const [x, y] = [int64Text(a, by), int64Text(b, by)];
        expect(int64At(`-${x}z`, 1, by)).toBe(a);
        expect(order(x, y)).toBe(a === b ? 0 : a < b ? -by : by);
      }),
      { numRuns: 5_000 },
    );
  });

  test("come back and in their order: digits, in as few letters as their radix needs", () => {
    const pair = fc
      .oneof(fc.integer({ min: 1, max: 5_000 }), fc.maxSafeInteger().map(Math.abs))
      .chain((max) => fc.tuple(fc.constant(max + 1), fc.nat({ max }), fc.nat({ max })));
    fc.assert(
      fc.property(pair, ([radix, a, b]) => {
        const length = digitLength(radix);
        expect(digitAt(digitText(a, length), 0, length)).toBe(a);
        expect(digitAt(digitText(radix - 1, length), 0, length)).toBe(radix - 1);
        expect(order(digitText(a, length), digitText(b, length))).toBe(Math.sign(a - b));
      }),
      { numRuns: 2_000 },
    );
    expect([2, 64, 65, 4096, 4097, 2 ** 48, 2 ** 53].map(digitLength)).toEqual([1, 1, 2, 2, 3, 8, 9]);
  });
});

const anyRows = fc.oneof(anyDefinition, anyWideDefinition).chain((definition) => {
  // Whole rows, as best and set take them.
  const whole = { ...definition, operator: "set" as const };
  const values = anyValues(whole);
  const one = fc.tuple(values, fc.constantFrom("a", "é", "-", "zz"), fc.integer({ min: 0, max: 3 }));
  return fc.record({ definition: fc.constant(whole), one, other: one });
});

describe("a place", () => {
  test("comes back from every form, and every form orders as the naive model does", () => {
    fc.assert(
      fc.property(anyRows, ({ definition, one, other }) => {
        const board = boardFrom("b", boardDefinition.parse(definition));
        const openedAtMs = Date.now();
        const endsAtMs = board.endsAt === undefined ? {} : { endsAtMs: Date.parse(board.endsAt) };
        const layout = layoutOf(board, { openedAtMs, ...endsAtMs });
        const naive = new NaiveBoard(board);
        const places = [one, other].map(([values, member, at], i): Place => {
          const name = `${member}${i}`;
          naive.submit({ member: name, values, id: "", at });
          const tie = layout.tieRadix === 1 ? 0 : board.ties === "earliest" ? at : 3 - at;
          const coded = layout.columns.map((column, c) => codeOf(column, values[c]));
          return placeFrom(layout, keyText(layout, coded, tie), name);
        });
        for (const place of places) {
          const row = JSON.parse(JSON.stringify(rowOf({ layout }, place))) as Row;
          expect(placeOf(row)).toEqual(place);
          expect(fromStored(layout, storedMember(place), place.key)).toEqual(place);
          const { score, columns = {} } = entryValues({ layout }, place);
          const shown: Value[] = [score, ...Object.values(columns)];
          expect(row.slice(2)).toEqual(shown);
          expect(shown).toEqual(naive.entries.get(place.member)!.values);
        }
        const best = naive.ranked().map(({ member }) => member);
        expect(places.toSorted(comparePlaces).map(({ member }) => member)).toEqual(best);
        const rows = places.map((place) => rowOf({ layout }, place)).sort(compareRows);
        expect(rows.map(([member]) => member)).toEqual(best);
        const stored = places.toSorted((a, b) => a.key - b.key || order(storedMember(a), storedMember(b)));
        expect(stored.map(({ member }) => member)).toEqual(best);
      }),
      { numRuns: 3_000 },
    );
  });
});
