/** The probes of pub/sub: a connection that hears is not taken for a deaf one, also not at its start. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Channels } from "../../server/redis/channels.ts";
import { createListener } from "../../server/redis/connect.ts";
import { commandConnection, silentLog } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

describe("a pub/sub connection that hears", () => {
  test("loses no probe from its first moment on, and stays the same one", async () => {
    const commands = await commandConnection(redis.url);
    const connecting = { target: { url: redis.url }, log: silentLog, commandTimeoutMs: 2_000 };
    const opened: string[] = [];
    let lost = 0;
    const channels = new Channels({
      create: () => {
        opened.push("connection");
        return createListener(connecting, undefined);
      },
      commands,
      probeEveryMs: 50,
      onProbeLost: () => lost++,
      onError: (error) => {
        throw error;
      },
    });
    // The first probe is published before the connection is there.
    channels.start();
    await eventually(async () => {
      const probes = /cmdstat_spublish:calls=(\d+)/.exec(await commands.info("commandstats"))?.[1];
      expect(Number(probes)).toBeGreaterThanOrEqual(6);
    });
    expect([lost, opened.length, channels.alive]).toEqual([0, 1, true]);
    await channels.stop();
    commands.disconnect();
  });
});
