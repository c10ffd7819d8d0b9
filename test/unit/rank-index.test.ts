import { expect, test } from "vitest";
import { RankIndex } from "../../server/rank-index/rank-index.ts";

test("An index whose boundaries lie further apart than the largest double still interpolates between them", () => {
  const ends = Float64Array.of(-Number.MAX_VALUE, Number.MAX_VALUE);
  const facts = { incarnation: "i", asOf: 0, total: 100, ns: [1] };
  const index = new RankIndex(facts, ends, Float64Array.of(10, 90));
  expect(index.estimate(0)).toEqual({ before: 50, low: 10, high: 90 });
  expect(index.estimateOfPlace(Number.MAX_VALUE / 2)).toEqual({ before: 70, low: 10, high: 90 });
  expect(index.keyAt(50)).toBe(0);
  expect(index.keyAt(70)! / Number.MAX_VALUE).toBeCloseTo(0.5);
});
