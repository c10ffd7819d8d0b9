/** The algebra of frames: diff, apply, merge. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Frame, Row, ViewSize } from "../../client-sdk/protocol/messages.ts";
import { applyRows, compareMembers, compareRows, ranksOf } from "../../client-sdk/protocol/rows.ts";
import { diff, mergeFrames } from "../../server/feed/delta.ts";
import { View } from "../../server/feed/view.ts";

const member = fc.constantFrom("a", "b", "c", "d", "e", "f", "é", "\u{1f600}", "\u{ffff}");
const rows: fc.Arbitrary<Row[]> = fc
  .uniqueArray(fc.tuple(member, fc.integer({ min: 0, max: 5 })), { selector: ([name]) => name, maxLength: 9 })
  .map((list) => list.map(([name, key]): Row => [name, key, 5 - key]).sort(compareRows));

const frame = (after: number, change: { set: Row[]; drop: string[] }): Frame => ({
  board: "b",
  season: 1,
  view: "all",
  epoch: "e",
  after,
  offset: after + 1,
  total: 0,
  ...change,
});

describe("members", () => {
  test("order by their UTF-8 bytes, as in Redis", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        fc.pre(!/\p{Cs}/u.test(a + b));
        expect(Math.sign(compareMembers(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("frames", () => {
  test("turn the view they were made from into the one they were made for", () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const { set, drop } = diff(before, after);
        expect(applyRows(before, set, drop)).toEqual(after);
      }),
      { numRuns: 2_000 },
    );
  });

  test("change nothing when applied twice", () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const { set, drop } = diff(before, after);
        expect(applyRows(applyRows(before, set, drop), set, drop)).toEqual(after);
      }),
    );
  });

  test("are empty exactly when nothing changed", () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const { set, drop } = diff(before, after);
        expect(set.length + drop.length === 0).toBe(JSON.stringify(before) === JSON.stringify(after));
      }),
    );
  });

  test("merged are the frames one by one", () => {
    fc.assert(
      fc.property(fc.array(rows, { minLength: 2, maxLength: 6 }), (views) => {
        const frames = views.slice(1).map((view, i) => frame(i, diff(views[i]!, view)));
        const merged = mergeFrames(frames);
        expect(merged).toMatchObject({ after: 0, offset: frames.length });
        expect(applyRows(views[0]!, merged.set, merged.drop)).toEqual(views.at(-1));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("ranks", () => {
  test("of shared ties skip, of other ties do not", () => {
    const list: Row[] = [
      ["a", 1, 9],
      ["b", 2, 8],
      ["c", 2, 8],
      ["d", 3, 7],
    ];
    expect(ranksOf(list, "shared")).toEqual([1, 2, 2, 4]);
    expect(ranksOf(list, "earliest")).toEqual([1, 2, 3, 4]);
  });
});

describe("a view", () => {
  const many: Row[] = Array.from(
    { length: 30 },
    (_, i): Row => [`m${String(i).padStart(2, "0")}`, i, 100 - i],
  );

  /** A view and what a receiver of its frames sees. */
  function followed(size: ViewSize, start: Row[]) {
    const view = new View(size, () => ({ board: "b", season: 1 }), { framesMax: 8, rowsMax: 1_000 });
    view.begin({ epoch: "e", offset: 0 }, { rows: start, total: start.length });
    const client = { rows: [...view.rows], offset: 0 };
    const heard: Frame[] = [];
    view.listeners.add({
      onFrame: (made) => {
        heard.push(made);
        expect(made.after).toBe(client.offset);
        client.rows = applyRows(client.rows, made.set, made.drop);
        client.offset = made.offset;
      },
      onSnapshot: () => undefined,
    });
    return { view, client, heard };
  }

  test("[R 9] of ten gets frames of its own that keep it whole when rows enter and leave it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 29 }), fc.integer({ min: 0, max: 40 })), {
          maxLength: 30,
        }),
        (moves) => {
          const { view, client } = followed(10, many);
          let full = many;
          for (const [i, [who, key]] of moves.entries()) {
            full = applyRows(full, [[many[who]![0], key, 100 - key]], []);
            view.advance(i + 1, { rows: full, total: 30 });
            expect(client.rows).toEqual(full.slice(0, 10));
          }
        },
      ),
    );
  });

  test("[R 9] makes no frame when it did not change, and its position stays", () => {
    const { view, heard } = followed(10, many);
    view.advance(1, { rows: applyRows(many, [["m20", 25.5, 1]], []), total: 30 });
    expect(heard).toEqual([]);
    expect(view.position).toEqual({ epoch: "e", offset: 0 });
  });

  test("resumes with one merged frame inside of its ring, and with none at its own position", () => {
    const { view, client } = followed(10, many);
    const start = { epoch: "e", offset: 0 };
    for (let i = 1; i <= 5; i++)
      view.advance(i, { rows: applyRows(many, [[`n${i}`, -i, 0]], []), total: 30 });
    const missed = view.since(start)!;
    expect(missed).toHaveLength(1);
    expect(applyRows(many.slice(0, 10), missed[0]!.set, missed[0]!.drop)).toEqual(client.rows);
    expect(view.since(view.position)).toEqual([]);
  });

  test("asks for a snapshot beyond its ring, and for another epoch", () => {
    const { view } = followed(10, many);
    for (let i = 1; i <= 20; i++)
      view.advance(i, { rows: applyRows(many, [[`n${i}`, -i, 0]], []), total: 30 });
    expect(view.since({ epoch: "e", offset: 0 })).toBeUndefined();
    expect(view.since({ epoch: "other", offset: 20 })).toBeUndefined();
  });
});
