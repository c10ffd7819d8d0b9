import { expect, test } from "vitest";
import { RankIndex, replaces } from "../../server/rank-index/rank-index.ts";

test("An index whose boundaries lie further apart than the largest double still interpolates between them", () => {
  const ends = Float64Array.of(-Number.MAX_VALUE, Number.MAX_VALUE);
  const facts = { incarnation: "i", token: 1, sequence: 1, asOf: 0, total: 100, ns: [1] };
  const index = new RankIndex(facts, ends, Float64Array.of(10, 90));
  expect(index.estimate(0)).toEqual({ before: 50, low: 10, high: 90 });
  expect(index.estimateOfPlace(Number.MAX_VALUE / 2)).toEqual({ before: 70, low: 10, high: 90 });
  expect(index.keyAt(50)).toBe(0);
  expect(index.keyAt(70)! / Number.MAX_VALUE).toBeCloseTo(0.5);
});

test("An index names a real key at every count, also where it ends with the largest double", () => {
  const facts = { incarnation: "i", token: 1, sequence: 1, asOf: 0, total: 100, ns: [1] };
  const ends = Float64Array.of(-Number.MAX_VALUE, Number.MAX_VALUE, Number.POSITIVE_INFINITY);
  const index = new RankIndex(facts, ends, Float64Array.of(0, 10, 100));
  for (const count of [0, 1, 9, 10, 50, 99, 100, 200]) {
    expect(Number.isFinite(index.keyAt(count)), `the key at ${count}`).toBe(true);
  }
  expect(index.keyAt(50)).toBe(Number.MAX_VALUE);
  expect(new RankIndex(facts, new Float64Array(0), new Float64Array(0)).keyAt(50)).toBeUndefined();
});

test("Of two indexes the one of the later lease is newer, then the later one of that lease, whatever their times", () => {
  const facts = { incarnation: "i", token: 7, sequence: 7, asOf: 1_000, total: 100, ns: [1] };
  expect(replaces({ ...facts, sequence: 8, asOf: 500 }, facts)).toBe(true);
  expect(replaces({ ...facts, token: 8, sequence: 1, asOf: 500 }, facts)).toBe(true);
  expect(replaces({ ...facts, incarnation: "j", token: 1, sequence: 1 }, facts)).toBe(true);
  expect(replaces({ ...facts, asOf: 2_000 }, facts)).toBe(false);
  expect(replaces({ ...facts, token: 6, sequence: 9, asOf: 2_000 }, facts)).toBe(false);
});
