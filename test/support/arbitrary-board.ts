/** Random boards and submissions for the model tests. Small ranges, so that ties, range ends and repeats are common. */
import fc from "fast-check";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";

const order = fc.constantFrom("desc" as const, "asc" as const);

const column = fc.record({
  order,
  min: fc.constantFrom(0, -3, 2),
  span: fc.integer({ min: 1, max: 6 }),
  decimals: fc.constantFrom(0, 1),
});

const IN_A_DAY = new Date(Date.now() + 86_400_000).toISOString();

/** A definition whose columns and tie time fit 53 bits. */
export const anyDefinition: fc.Arbitrary<BoardDefinition> = fc
  .record({
    operator: fc.constantFrom("best" as const, "set" as const, "incr" as const, "decr" as const),
    ties: fc.constantFrom("shared" as const, "earliest" as const, "latest" as const),
    columns: fc.array(column, { minLength: 1, maxLength: 8 }),
    shards: fc.constantFrom(1, 2, 4, 8),
  })
  .filter(({ ties, columns }) => ties === "shared" || columns.length <= 4)
  .map(({ columns, ties, ...rest }) => ({
    ...rest,
    ties,
    order: columns[0]!.order,
    tieResolutionMs: 1,
    ...(ties === "shared" ? {} : { endsAt: IN_A_DAY }),
    columns: columns.map(({ span, min, ...c }, i) => ({ ...c, name: `c${i}`, min, max: min + span })),
  }));

/** Members whose byte order differs from the order of a locale, and of UTF-16. */
export const anyMember = fc.constantFrom("a", "B", "b", "ab", "é", "\u{ffff}x", "\u{1f600}", "10", "9", "_");

/** Values around a column's range, most of them inside, with its decimals. */
export function anyValues(definition: BoardDefinition): fc.Arbitrary<number[]> {
  const values = definition.columns!.map(({ min, max, decimals }) => {
    const scale = 10 ** decimals!;
    const relative = definition.operator === "incr" || definition.operator === "decr";
    const low = relative ? -2 : min!;
    const high = relative ? 2 : max!;
    return fc.integer({ min: low * scale, max: high * scale }).map((scaled) => scaled / scale);
  });
  return fc.tuple(...values);
}
