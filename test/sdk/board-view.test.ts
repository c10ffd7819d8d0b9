import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyFrame,
  applyFrames,
  type BoardView,
  NOTHING_SHOWN,
  showEntries,
  viewOf,
} from "../../client-sdk/board-view.ts";
import type { Frame, Row } from "../../client-sdk/protocol/messages.ts";
import { compareRows } from "../../client-sdk/protocol/rows.ts";
import { frameOf, infoOf, row, snapshotOf } from "./samples.ts";

const members = fc.constantFrom("a", "b", "c", "d", "e", "Z", "é", "\u{1f600}", "\uffee");
const rows = fc
  .uniqueArray(fc.tuple(members, fc.integer({ min: 0, max: 5 })), { selector: ([member]) => member })
  .map((pairs) => pairs.map(([member, score]) => row(member, score)).sort(compareRows));
const change = fc.record({ set: rows, drop: fc.uniqueArray(members), total: fc.nat(20) });

function framesFrom(offset: number, changes: { set: Row[]; drop: string[]; total: number }[]): Frame[] {
  return changes.map(({ set, drop, total }, i) => {
    const kept = drop.filter((member) => !set.some(([other]) => other === member));
    return frameOf(offset + i + 1, set, { drop: kept, total });
  });
}

/** What the server sends instead of several frames: the last word on every member. [P-5] */
function merge(frames: Frame[]): Frame {
  const words = new Map<string, Row | undefined>();
  for (const { set, drop } of frames) {
    for (const member of drop) words.set(member, undefined);
    for (const one of set) words.set(one[0], one);
  }
  const set = [...words.values()].filter((one) => one !== undefined);
  const drop = [...words].filter(([, one]) => one === undefined).map(([member]) => member);
  return { ...frames.at(-1)!, after: frames[0]!.after, set, drop };
}

/** The same, by the slowest way there is. */
function naive(start: readonly Row[], frames: Frame[]): Row[] {
  const entries = new Map(start.map((one) => [one[0], one]));
  for (const { set, drop } of frames) {
    for (const member of drop) entries.delete(member);
    for (const one of set) entries.set(one[0], one);
  }
  return [...entries.values()].sort(
    (a, b) => Number(a[1]) - Number(b[1]) || Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])),
  );
}

describe("a view", () => {
  it("is the same after frames one by one, after their merge, and after a naive replay", () => {
    fc.assert(
      fc.property(rows, fc.array(change, { minLength: 1, maxLength: 8 }), (start, changes) => {
        const view = viewOf(snapshotOf(7, start));
        const frames = framesFrom(7, changes);
        const oneByOne = applyFrames(view, frames);
        expect(oneByOne).toEqual(applyFrames(view, [merge(frames)]));
        expect(oneByOne?.rows).toEqual(naive(start, frames));
      }),
    );
  });

  it("takes every prefix merged and every frame twice without a difference", () => {
    fc.assert(
      fc.property(
        rows,
        fc.array(change, { minLength: 2, maxLength: 8 }),
        fc.nat(6),
        (start, changes, cut) => {
          const view = viewOf(snapshotOf(0, start));
          const frames = framesFrom(0, changes);
          const at = 1 + (cut % (frames.length - 1));
          const merged = [merge(frames.slice(0, at)), merge(frames.slice(at))];
          const twice = frames.flatMap((frame) => [frame, frame]);
          expect(applyFrames(view, merged)).toEqual(applyFrames(view, frames));
          expect(applyFrames(view, twice)).toEqual(applyFrames(view, frames));
        },
      ),
    );
  });

  it.each<[string, Partial<Frame>, string]>([
    ["the next frame", { after: 5, offset: 6 }, "applied"],
    ["a merged frame", { after: 5, offset: 9 }, "applied"],
    ["its own offset again", { after: 4, offset: 5 }, "old"],
    ["an earlier frame", { after: 1, offset: 2 }, "old"],
    ["a frame beyond a missing one", { after: 6, offset: 7 }, "gap"],
    ["a frame that begins before its offset and ends after it", { after: 4, offset: 6 }, "gap"],
    ["the next frame of another epoch", { after: 5, offset: 6, epoch: "e2" }, "gap"],
    ["an earlier frame of another epoch", { after: 1, offset: 2, epoch: "e2" }, "gap"],
  ])("at offset 5 judges %s (%o) to be %s", (_, frame, kind) => {
    const view = viewOf(snapshotOf(5, [row("a", 1)]));
    expect(applyFrame(view, frameOf(6, [row("b", 2)], frame)).kind).toBe(kind);
  });

  it("is not touched by what is made of it", () => {
    const view = viewOf(snapshotOf(5, [row("a", 1)]));
    const before = structuredClone(view);
    applyFrame(view, frameOf(6, [row("b", 2)], { drop: ["a"] }));
    expect(view).toEqual(before);
  });
});

describe("shown entries", () => {
  const view: BoardView = viewOf(snapshotOf(1, [row("a", 9), row("b", 7), row("c", 7), row("d", 3)]));
  const ranks = (ties: "shared" | "earliest"): number[] =>
    showEntries(view, infoOf({ ties }), 10, NOTHING_SHOWN).entries.map(({ rank }) => rank);

  it("share a rank where keys are equal and ties are shared, and only there", () => {
    expect(ranks("shared")).toEqual([1, 2, 2, 4]);
    expect(ranks("earliest")).toEqual([1, 2, 3, 4]);
  });

  it("end at the limit", () => {
    expect(showEntries(view, infoOf(), 2, NOTHING_SHOWN).entries.map(({ member }) => member)).toEqual([
      "a",
      "b",
    ]);
  });

  it("carry the columns after the score by name", () => {
    const column = { type: "decimal", order: "desc", min: 0, max: 9, decimals: 0 } as const;
    const info = infoOf({
      columns: [
        { ...column, name: "points" },
        { ...column, name: "wins" },
      ],
    });
    const withWins = viewOf(snapshotOf(1, [["a", -91, 9, 1]]));
    expect(showEntries(withWins, info, 10, NOTHING_SHOWN).entries).toEqual([
      { rank: 1, member: "a", score: 9, columns: { wins: 1 } },
    ]);
  });

  it("stay the same objects where nothing changed", () => {
    const info = infoOf();
    const before = showEntries(view, info, 3, NOTHING_SHOWN);
    const below = applyFrames(view, [frameOf(2, [row("d", 4)])])!;
    expect(showEntries(below, info, 3, before).entries).toBe(before.entries);
    const within = applyFrames(view, [frameOf(2, [row("c", 6)])])!;
    const after = showEntries(within, info, 3, before);
    expect(after.entries[0]).toBe(before.entries[0]);
    expect(after.entries[2]).toEqual({ rank: 3, member: "c", score: 6 });
  });
});
