import { describe, expect, it } from "vitest";
import { settle } from "./manual-environment.ts";
import { connectedScene, frameOf, infoOf, reconnect, sceneOf } from "./samples.ts";
import { accepted, informedScene, scores, submitAll } from "./submitting.ts";

const MINUTE = 60_000;

describe("a submission", () => {
  it("is given an id and the season before its first send, and resolves with the server's judgement", async () => {
    const { client, transport } = await connectedScene();
    const result = client.board("f1").submit({ score: 5, columns: { wins: 1 } });
    await settle();
    expect(transport.waiting("submit")).toEqual([]);
    transport.answer("board", { info: infoOf({}, 7) });
    await settle();
    expect(transport.waiting("submit")).toEqual([
      { board: "f1", score: 5, columns: { wins: 1 }, id: "id-1", season: 7 },
    ]);
    transport.answer("submit", { season: 7, result: { outcome: "accepted", score: 15 } });
    expect(await result).toEqual({ outcome: "accepted", score: 15 });
  });

  it("keeps an id of the application's own", async () => {
    const { client, transport } = await informedScene("incr");
    client
      .board("f1")
      .submit({ score: 1, id: "race-2" })
      .catch(() => {});
    await settle();
    expect(transport.waiting("submit")).toMatchObject([{ id: "race-2" }]);
  });

  it("resolves when it is rejected, and throws when it is refused", async () => {
    const { client, transport } = await informedScene("incr");
    const rejected = client.board("f1").submit({ score: 1 });
    const refused = expect(client.board("f1").submit({ score: 2 })).rejects.toMatchObject({
      code: "forbidden",
      retryable: false,
      remediation: "none",
    });
    await settle();
    transport.answer("submit", {
      season: 1,
      result: { outcome: "rejected", error: { code: "out_of_range" } },
    });
    transport.answerError("submit", { code: "forbidden" });
    expect(await rejected).toMatchObject({ outcome: "rejected", error: { code: "out_of_range" } });
    await refused;
  });

  it("is sent again after a lost connection with the same id and season, oldest first", async () => {
    const scene = await informedScene("incr");
    submitAll(scene, 1, 2, 3);
    await settle();
    const first = structuredClone(scene.transport.waiting("submit"));
    scene.transport.answer("submit", accepted(1));
    await settle();
    await reconnect(scene);
    expect(scene.transport.waiting("submit")).toEqual(first.slice(1));
    expect(scores(first)).toEqual([1, 2, 3]);
  });

  it("that never left waits offline as long as it likes", async () => {
    const { client, transport, environment } = sceneOf();
    const result = client.board("f1").submit({ score: 5 });
    await environment.advance(5 * 60 * MINUTE);
    transport.accept();
    await settle();
    transport.answer("board", { info: infoOf() });
    await settle();
    transport.answer("submit", accepted(5));
    expect(await result).toMatchObject({ outcome: "accepted" });
  });

  it("too large to be sent is refused at once instead of breaking every connection", async () => {
    const { client, transport } = await informedScene("incr");
    const refused = client.board("f1").submit({ score: 1, metadata: "é".repeat(12_200) });
    await expect(refused).rejects.toMatchObject({ code: "payload_too_large", retryable: false });
    expect(transport.waiting("submit")).toEqual([]);
  });

  it("to a board that does not exist is refused, and other boards go on", async () => {
    const { client, transport } = await informedScene("incr");
    const refused = expect(client.board("none").submit({ score: 1 })).rejects.toMatchObject({
      code: "board_not_found",
    });
    const fine = client.board("f1").submit({ score: 2 });
    await settle();
    transport.answerError("board", { code: "board_not_found" });
    transport.answer("submit", accepted(2));
    await refused;
    expect(await fine).toMatchObject({ outcome: "accepted" });
  });
});

describe("the season of a submission", () => {
  it("is asked for again when it was not heard of lately, and frames count as hearing of it", async () => {
    const scene = await informedScene("incr");
    const { transport, environment } = scene;
    await environment.advance(29_000);
    transport.emit("frame", frameOf(1, []));
    await environment.advance(29_000);
    submitAll(scene, 1);
    await settle();
    expect(transport.waiting("submit")).toMatchObject([{ season: 1 }]);
    transport.answer("submit", accepted(1));
    await environment.advance(31_000);
    submitAll(scene, 2);
    await settle();
    expect(transport.waiting("submit")).toEqual([]);
    transport.answer("board", { info: infoOf({}, 2) });
    await settle();
    expect(transport.waiting("submit")).toMatchObject([{ season: 2 }]);
  });

  it("is asked for when a frame told of a newer one", async () => {
    const scene = await informedScene("incr");
    scene.transport.emit("frame", frameOf(1, [], { season: 2, epoch: "e2" }));
    submitAll(scene, 1);
    await settle();
    expect(scene.transport.waiting("submit")).toEqual([]);
    expect(scene.transport.waiting("board")).toEqual([{ board: "f1" }]);
  });

  it("is the last one heard of when it is made offline, and is not changed by a rollover meanwhile", async () => {
    const scene = await informedScene("incr");
    scene.transport.drop();
    await scene.environment.advance(MINUTE);
    submitAll(scene, 1);
    scene.transport.accept();
    scene.transport.emit("frame", frameOf(1, [], { season: 2, epoch: "e2" }));
    await settle();
    expect(scene.transport.waiting("submit")).toMatchObject([{ season: 1 }]);
  });

  it("is left open when it is made offline after the last known season's end", async () => {
    const scene = await connectedScene();
    const { client, transport, environment } = scene;
    const info = client.board("f1").info();
    await settle();
    const season = {
      number: 1,
      state: "open",
      openedAt: "2026-01-01T00:00:00Z",
      endsAt: "2026-01-01T09:00:00Z",
      closesAt: "2026-01-01T01:00:00Z",
    };
    transport.answer("board", { info: { ...infoOf(), season } });
    await info;
    transport.drop();
    environment.sleep(2 * 60 * MINUTE);
    submitAll(scene, 1);
    await environment.advance(0);
    transport.accept();
    await settle();
    expect(transport.waiting("board")).toHaveLength(1);
    expect(transport.waiting("submit")).toEqual([]);
  });

  it("that is over refuses the submission, and the next one asks first", async () => {
    const scene = await informedScene("incr");
    const over = expect(scene.client.board("f1").submit({ score: 1 })).rejects.toMatchObject({
      code: "season_closed",
    });
    await settle();
    scene.transport.answerError("submit", { code: "season_closed" });
    await over;
    submitAll(scene, 2);
    await settle();
    expect(scene.transport.waiting("submit")).toEqual([]);
    expect(scene.transport.waiting("board")).toEqual([{ board: "f1" }]);
  });
});
