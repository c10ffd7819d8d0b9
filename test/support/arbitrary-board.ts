/** Random boards and submissions for the model tests. Small ranges, so that ties, range ends and repeats are common. */
import fc from "fast-check";
import type { Operator } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import type { Value } from "./naive-board.ts";

const order = fc.constantFrom("desc" as const, "asc" as const);
const ties = fc.constantFrom("shared" as const, "earliest" as const, "latest" as const);
const shards = fc.constantFrom(1, 2, 4, 8);
const operator = fc.constantFrom("best" as const, "set" as const, "incr" as const, "decr" as const);

const smallColumn = fc
  .record({
    order,
    min: fc.constantFrom(0, -3, 2),
    span: fc.integer({ min: 1, max: 6 }),
    decimals: fc.constantFrom(0, 1),
  })
  .map(({ span, min, ...c }) => ({ ...c, type: "decimal" as const, min, max: min + span }));

const IN_A_DAY = new Date(Date.now() + 86_400_000).toISOString();

/** A definition whose columns and tie time fit 53 bits. */
export const anyDefinition: fc.Arbitrary<BoardDefinition> = fc
  .record({ operator, ties, columns: fc.array(smallColumn, { minLength: 1, maxLength: 8 }), shards })
  .filter(({ ties, columns }) => ties === "shared" || columns.length <= 4)
  .map(({ columns, ties, ...rest }) => ({
    ...rest,
    ties,
    order: columns[0]!.order,
    tieResolutionMs: 1,
    ...(ties === "shared" ? {} : { endsAt: IN_A_DAY }),
    columns: columns.map((c, i) => ({ ...c, name: `c${i}` })),
  }));

/** About half of the 53 bits and all of them: two such columns, or a small one beside it, need a rest. */
const largeColumn = fc.record({
  order,
  type: fc.constant("decimal" as const),
  min: fc.constantFrom(0, -5),
  max: fc.constantFrom(2 ** 30, 2 ** 53 - 10),
});
const floatColumn = fc.record({ order, type: fc.constant("float" as const) });
const int64Column = fc.record({ order, type: fc.constant("int64" as const) });

/** At most one of its columns makes the score. */
export const anyWideDefinition: fc.Arbitrary<BoardDefinition> = operator.chain((op) => {
  const adds = isRelative(op);
  const first = adds ? largeColumn : fc.oneof(largeColumn, floatColumn);
  const others = adds
    ? fc.oneof(largeColumn, smallColumn)
    : fc.oneof(largeColumn, smallColumn, floatColumn, int64Column);
  const columns = fc.tuple(first, fc.array(others, { maxLength: 7 })).map(([one, more]) => [one, ...more]);
  // One column of decimals is wide only by a tie time without an end.
  const wide = fc.record({ operator: fc.constant(op), ties, columns, shards }).filter(isWide);
  return wide.map(({ columns, ...rest }) => ({
    ...rest,
    order: columns[0]!.order,
    columns: columns.map((c, i) => ({ ...c, name: `c${i}` })),
  }));
});

function isWide(board: { ties: string; columns: { type: string; max?: number }[] }): boolean {
  const large = board.columns.filter(({ max = 0 }) => max > 1_000);
  const huge = large.some(({ max = 0 }) => max > 2 ** 40) && board.columns.length > 1;
  return (
    board.ties !== "shared" ||
    huge ||
    large.length > 1 ||
    board.columns.some(({ type }) => type !== "decimal")
  );
}

function isRelative(op: Operator): boolean {
  return op === "incr" || op === "decr";
}

/** Members whose byte order differs from the order of a locale, and of UTF-16; one is like the beginning of a rest. */
export const anyMember = fc.constantFrom(
  "a",
  "B",
  "b",
  "ab",
  "é",
  "\u{ffff}x",
  "\u{1f600}",
  "10",
  "9",
  "_",
  "-",
);

/** Signs, neighbours that differ in the last bit, the smallest and the largest there are. */
export const FLOATS: readonly number[] = [
  ...[0, -0, 1, -1, 1 + Number.EPSILON, -1 - Number.EPSILON, 0.1, 0.1 + 0.2, 0.3],
  ...[Number.MIN_VALUE, -Number.MIN_VALUE, 2 * Number.MIN_VALUE, 2 ** -1022, 2 ** 53, 2 ** 53 + 2],
  ...[1e300, -1e300, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MAX_VALUE - 2 ** 970],
];
export const INT64S: readonly Value[] = [
  ...[0, -1, 5, "1", "9007199254740992", "9007199254740993", "-9007199254740993", "1234567890123456789"],
  ...["9223372036854775807", "9223372036854775806", "-9223372036854775808", "-9223372036854775807"],
];

/** Values around a column's range, most of them inside, with its decimals. */
export function anyValues(definition: BoardDefinition): fc.Arbitrary<Value[]> {
  const relative = isRelative(definition.operator);
  const values = definition.columns!.map(({ type, min, max, decimals = 0 }): fc.Arbitrary<Value> => {
    if (type === "float") return fc.constantFrom(...FLOATS);
    if (type === "int64") return fc.constantFrom(...INT64S);
    if (max! > 1_000) {
      const near = [-2, -1, 0, 1, 2, max! - 1, max!];
      return relative
        ? fc.constantFrom(...near, 1 - max!, 0 - max!)
        : fc.constantFrom(...near.filter((value) => value >= min!));
    }
    const scale = 10 ** decimals;
    const low = relative ? -2 : min!;
    const high = relative ? 2 : max!;
    return fc.integer({ min: low * scale, max: high * scale }).map((scaled) => scaled / scale);
  });
  return fc.tuple(...values);
}
