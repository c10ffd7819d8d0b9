/** What stores show of profiles [P-22]: beside entries, changed in place, and nothing else a new object. */
import { describe, expect, it } from "vitest";
import { liveScene } from "./following.ts";
import { settle } from "./manual-environment.ts";
import { connectedScene, frameOf, reconnect, row, snapshotOf } from "./samples.ts";
import { aroundWindow, membersWindow, windowEntries, windowReply } from "./standings.ts";

const ann = { displayName: "Ann" };
const top = { board: "f1", kind: "top", view: 10 } as const;

describe("a top store", () => {
  it("shows a profile that comes after its row, as a new entry beside others that stay", async () => {
    const { transport, top: store } = await liveScene();
    transport.emit("frame", frameOf(2, [row("b", 20)]));
    const before = store.getSnapshot().entries;
    transport.emit("profiles", { ...top, profiles: { b: ann, stranger: ann } });
    const { entries } = store.getSnapshot();
    expect(entries[0]).toEqual({ rank: 1, member: "b", score: 20, profile: ann });
    expect(entries[1]).toBe(before[1]);
    transport.emit("profiles", { ...top, profiles: { b: { ...ann } } });
    expect(store.getSnapshot().entries).toBe(entries);
    transport.emit("frame", frameOf(3, [row("b", 21)]));
    expect(store.getSnapshot().entries[0]?.profile).toBe(ann);
    transport.emit("profiles", { ...top, profiles: { b: null } });
    expect(store.getSnapshot().entries[0]).not.toHaveProperty("profile");
  });

  it("forgets a profile with its row, and takes all anew with a snapshot", async () => {
    const { transport, top: store } = await liveScene();
    transport.emit("frame", frameOf(2, [row("b", 20)]));
    transport.emit("profiles", { ...top, profiles: { a: ann, b: ann } });
    transport.emit("frame", frameOf(3, [], { drop: ["b"] }));
    transport.emit("frame", frameOf(4, [row("b", 5)]));
    const profiles = () => store.getSnapshot().entries.map(({ member, profile }) => [member, profile]);
    expect(profiles()).toEqual([
      ["a", ann],
      ["b", undefined],
    ]);
    transport.emit("snapshot", snapshotOf(9, [row("a", 1), row("b", 0)], { profiles: { b: ann } }));
    expect(profiles()).toEqual([
      ["a", undefined],
      ["b", ann],
    ]);
  });

  it("has those of the answer when it resumes", async () => {
    const scene = await liveScene();
    scene.transport.emit("profiles", { ...top, profiles: { a: ann } });
    await reconnect(scene);
    const { info } = scene.top.getSnapshot();
    const anna = { displayName: "Anna" };
    scene.transport.answer("subscribe", { info, mode: "resume", frames: [], profiles: { a: anna } });
    await settle();
    expect(scene.top.getSnapshot()).toMatchObject({
      status: "live",
      entries: [{ member: "a", profile: anna }],
    });
  });
});

describe("a window store", () => {
  it("changes the entry that the message names, in the window that it names", async () => {
    const { client, transport } = await connectedScene();
    const around = client.board("f1").around({ member: "c", limit: 5 });
    const friends = client.board("f1").friends(["b", "c"]);
    around.subscribe(() => {});
    friends.subscribe(() => {});
    await settle();
    transport.answer("subscribe", windowReply(aroundWindow("c", windowEntries(10, "b", "c"))));
    transport.answer("subscribe", windowReply(membersWindow("l1", windowEntries(10, "b", "c"))));
    await settle();
    const [before, other] = [around.getSnapshot().entries, friends.getSnapshot().entries];
    transport.emit("profiles", { board: "f1", kind: "around", member: "c", profiles: { c: ann } });
    const { entries } = around.getSnapshot();
    expect([entries[0] === before[0], entries[1]?.profile, friends.getSnapshot().entries]).toEqual([
      true,
      ann,
      other,
    ]);
    transport.emit("profiles", { board: "f1", kind: "members", list: "l1", profiles: { b: ann } });
    expect(friends.getSnapshot().entries[0]?.profile).toEqual(ann);
    transport.emit("profiles", { board: "f1", kind: "around", member: "c", profiles: { c: null } });
    expect(around.getSnapshot().entries[1]).toEqual(before[1]);
  });
});
