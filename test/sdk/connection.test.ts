import { describe, expect, it } from "vitest";
import { settle } from "./manual-environment.ts";
import { connectedScene, sceneOf } from "./samples.ts";

describe("a client", () => {
  it("connects at its first use and not before", async () => {
    const { client, transport } = sceneOf({ token: "t1" });
    const top = client.board("f1").top();
    await settle();
    expect(transport.tokens).toEqual([]);
    top.subscribe(() => {});
    await settle();
    expect(transport.tokens).toEqual(["t1"]);
    expect(client.state.getSnapshot()).toEqual({ status: "connecting" });
  });

  it("resolves connect when it is connected, and tells every change once", async () => {
    const { client, transport } = sceneOf();
    const seen: string[] = [];
    client.state.subscribe(() => seen.push(client.state.getSnapshot().status));
    const connected = client.connect();
    await settle();
    transport.accept();
    await connected;
    transport.drop();
    expect(seen).toEqual(["connecting", "connected", "disconnected"]);
  });

  it("is closed for good by close, with nothing left running", async () => {
    const { client, transport, environment } = await connectedScene();
    client
      .board("f1")
      .top()
      .subscribe(() => {});
    const submitted = expect(client.board("f1").submit({ score: 1 })).rejects.toMatchObject({
      code: "closed",
    });
    client.close();
    await submitted;
    expect(client.state.getSnapshot()).toMatchObject({ status: "closed", reason: { code: "closed" } });
    await expect(client.connect()).rejects.toMatchObject({ code: "closed" });
    await expect(client.board("f1").rank()).rejects.toMatchObject({ code: "closed" });
    await expect(client.board("f1").submit({ score: 1 })).rejects.toMatchObject({ code: "closed" });
    expect(client.board("f2").top().getSnapshot()).toMatchObject({
      status: "error",
      error: { code: "closed" },
    });
    await environment.advance(3_600_000);
    expect(transport.tokens).toHaveLength(1);
    expect(environment.timers).toBe(0);
  });

  it("stays closed when a listener closes it in the middle of a change", async () => {
    for (const at of ["connecting", "connected", "disconnected"]) {
      const { client, transport, environment } = sceneOf();
      client.state.subscribe(() => {
        if (client.state.getSnapshot().status === at) client.close();
      });
      client.connect().catch(() => {});
      await settle();
      if (at !== "connecting") transport.accept();
      if (at === "disconnected") transport.drop();
      await environment.advance(60_000);
      expect(client.state.getSnapshot().status).toBe("closed");
      expect(environment.timers).toBe(0);
    }
  });
});

describe("reconnection", () => {
  it("waits a random time below a cap that doubles from half a second to thirty", async () => {
    const { transport, environment } = await connectedScene();
    environment.chance = 0.5;
    transport.drop();
    for (const capMs of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      const tries = transport.tokens.length;
      await environment.advance(capMs / 2 - 1);
      expect(transport.tokens).toHaveLength(tries);
      await environment.advance(1);
      expect(transport.tokens).toHaveLength(tries + 1);
      transport.refuse({ code: "unavailable", retryable: true });
    }
  });

  it("forgets earlier failures after ten seconds of a live connection, not before", async () => {
    const { transport, environment } = await connectedScene();
    for (const [liveMs, waitMs] of [
      [0, 500],
      [9_999, 1000],
      [9_999, 2000],
      [10_000, 500],
    ] as const) {
      await environment.advance(liveMs);
      transport.drop();
      const tries = transport.tokens.length;
      await environment.advance(waitMs - 1);
      expect(transport.tokens).toHaveLength(tries);
      await environment.advance(1);
      expect(transport.tokens).toHaveLength(tries + 1);
      transport.accept();
    }
  });

  it("comes back within the range that a bye names, counted from the bye", async () => {
    const { client, transport, environment } = await connectedScene();
    environment.chance = 0.25;
    transport.emit("bye", { code: "shutting_down", reconnect: true, afterMs: [2000, 6000] });
    expect(client.state.getSnapshot().status).toBe("connected");
    await environment.advance(1000);
    transport.drop();
    expect(client.state.getSnapshot().status).toBe("disconnected");
    await environment.advance(1999);
    expect(transport.tokens).toHaveLength(1);
    await environment.advance(1);
    expect(transport.tokens).toHaveLength(2);
  });

  it("leaves by itself when the server says bye and does not close", async () => {
    const { client, transport, environment } = await connectedScene();
    transport.emit("bye", { code: "slow_consumer", reconnect: true, afterMs: [100, 100] });
    await environment.advance(100);
    expect(transport.tokens).toHaveLength(2);
    expect(client.state.getSnapshot().status).toBe("connecting");
  });

  it.each(["session_ended", "protocol_violation"] as const)("ends with a final bye: %s", async (code) => {
    const { client, transport, environment } = await connectedScene();
    transport.emit("bye", { code, reconnect: false, afterMs: [0, 0] });
    transport.drop();
    await environment.advance(600_000);
    expect(client.state.getSnapshot()).toMatchObject({ status: "closed", reason: { code } });
    expect(transport.tokens).toHaveLength(1);
  });

  it("does not come back from a bye when a listener closes the client then", async () => {
    const { client, transport, environment } = await connectedScene();
    client.state.subscribe(() => {
      if (client.state.getSnapshot().status === "disconnected") client.close();
    });
    transport.emit("bye", { code: "shutting_down", reconnect: true, afterMs: [100, 100] });
    await environment.advance(60_000);
    expect(client.state.getSnapshot().status).toBe("closed");
    expect([transport.tokens.length, environment.timers]).toEqual([1, 0]);
  });

  it("waits as long as a refused handshake says, and some more", async () => {
    const { client, transport, environment } = sceneOf();
    client.connect().catch(() => {});
    await settle();
    transport.refuse({ code: "overloaded", retryable: true, retryAfterMs: 7000 });
    await environment.advance(7499);
    expect(transport.tokens).toHaveLength(1);
    await environment.advance(1);
    expect(transport.tokens).toHaveLength(2);
  });

  it("takes a handshake without an end for a failed one", async () => {
    const { client, transport, environment } = sceneOf({ connectTimeoutMs: 5000 });
    client.connect().catch(() => {});
    await environment.advance(5000);
    expect(client.state.getSnapshot()).toMatchObject({ status: "disconnected", reason: { code: "timeout" } });
    await environment.advance(500);
    expect(transport.tokens).toHaveLength(2);
  });
});

describe("a token", () => {
  it("that is refused closes the client", async () => {
    const { client, transport, environment } = sceneOf({ token: "old" });
    const connected = expect(client.connect()).rejects.toMatchObject({ code: "unauthorized" });
    await settle();
    transport.refuse({ code: "unauthorized", retryable: false });
    await connected;
    await environment.advance(600_000);
    expect(transport.tokens).toEqual(["old"]);
  });

  it("is asked for once more when it is refused, and kept over reconnections", async () => {
    const given = ["stale", "fresh", "fresher"];
    const scene = sceneOf({ getToken: () => Promise.resolve(given.shift()) });
    scene.client.connect().catch(() => {});
    await settle();
    scene.transport.refuse({ code: "unauthorized", retryable: false });
    await settle();
    scene.transport.accept();
    scene.transport.drop();
    await scene.environment.advance(500);
    expect(scene.transport.tokens).toEqual(["stale", "fresh", "fresh"]);
    scene.transport.refuse({ code: "unauthorized", retryable: false });
    await settle();
    expect(scene.transport.tokens.at(-1)).toBe("fresher");
  });

  it("that is refused twice running closes the client", async () => {
    const { client, transport } = sceneOf({ getToken: () => "wrong" });
    const connected = expect(client.connect()).rejects.toMatchObject({ code: "unauthorized" });
    for (let i = 0; i < 2; i++) {
      await settle();
      transport.refuse({ code: "unauthorized", retryable: false });
    }
    await connected;
    expect(transport.tokens).toEqual(["wrong", "wrong"]);
  });

  it("that cannot be fetched is tried again later", async () => {
    let asked = 0;
    const getToken = (): string => {
      if (++asked === 1) throw new Error("the game's server is away");
      return "t";
    };
    const { client, transport, environment } = sceneOf({ getToken });
    client.connect().catch(() => {});
    await settle();
    expect(client.state.getSnapshot()).toMatchObject({
      status: "disconnected",
      reason: { message: "the game's server is away" },
    });
    await environment.advance(500);
    expect(transport.tokens).toEqual(["t"]);
  });
});

describe("a question", () => {
  it("waits for the connection and outlives the loss of one", async () => {
    const { client, transport, environment } = sceneOf();
    const rank = client.board("f1").rank("alonso");
    await settle();
    transport.accept();
    await settle();
    expect(transport.waiting("rank")).toEqual([{ board: "f1", member: "alonso" }]);
    transport.drop();
    await environment.advance(500);
    transport.accept();
    await settle();
    transport.answer("rank", { member: "alonso", rank: 3 });
    expect(await rank).toEqual({ member: "alonso", rank: 3 });
  });

  it("is given up when no connection comes in time", async () => {
    const { client, environment } = sceneOf({ requestTimeoutMs: 3000 });
    const info = expect(client.board("f1").info()).rejects.toMatchObject({
      code: "timeout",
      retryable: true,
    });
    await environment.advance(3000);
    await info;
  });

  it("is rejected with the server's refusal", async () => {
    const { client, transport } = await connectedScene();
    const rank = client.board("f1").rank("nobody");
    const refused = expect(rank).rejects.toMatchObject({ code: "member_not_found", remediation: "none" });
    await settle();
    transport.answerError("rank", { code: "member_not_found" });
    await refused;
  });
});
