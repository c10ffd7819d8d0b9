/** Connections that open in the moment in which their session is revoked: none of them outlives it until the next check. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLog } from "../../server/base/log.ts";
import { SessionChecks } from "../../server/gateway/session-checks.ts";
import { Sessions } from "../../server/sessions/sessions.ts";
import { commandConnection } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { SseReader } from "./sse-reader.ts";

const NEVER_MS = 600_000;

let redis: Redis;
let server: TestServer;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  server = await startServer(sharedRedisUrl(), { SESSION_CHECK_MS: `${NEVER_MS}` });
});
afterAll(async () => {
  await server.stop();
  redis.disconnect();
});

/** Open connections of many players, each revoked while its player's are being opened, at another moment each. */
async function openWhileRevoked<T>(open: (token: string) => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  for (let round = 0; round < 25; round++) {
    const member = uniqueBoard("eve");
    const token = await server.signIn(member);
    const opening = Promise.allSettled(Array.from({ length: 10 }, () => open(token)));
    await new Promise((resolve) => setTimeout(resolve, round % 12));
    await server.call("DELETE", `/v1/members/${member}/sessions`, { key: SERVER_KEY });
    for (const one of await opening) {
      if (one.status === "fulfilled") opened.push(one.value);
    }
  }
  return opened;
}

describe("a connection whose session is revoked while it opens", () => {
  test("is ended as soon as it is held, and one whose session lives is not", async () => {
    const sessions = new Sessions(redis, { idleMs: 60_000, maxMs: 60_000, keptMax: 3 });
    const log = createLog({ level: "silent", pretty: false });
    const checks = new SessionChecks({ sessions, everyMs: NEVER_MS, log });
    const ended: string[] = [];
    const [gone, kept] = [await sessions.open(uniqueBoard("gone")), await sessions.open(uniqueBoard("kept"))];
    await sessions.revokeAll(gone.member);
    for (const { member, token } of [kept, gone]) checks.hold(member, token, () => ended.push(member));
    await eventually(() => expect(ended).toEqual([gone.member]));
    await checks.check(kept.member);
    expect(ended).toEqual([gone.member]);
  });

  test("does not stay open as a socket", async () => {
    const sockets = await openWhileRevoked((token) => new RawClient(server.url, token).connected());
    await eventually(() => expect(sockets.filter(({ socket }) => socket.connected)).toHaveLength(0));
  });

  test("does not stay open as a stream of events", async () => {
    const board = uniqueBoard("private");
    await server.createBoard(board, { operator: "best", visibility: "private" });
    const readers = await openWhileRevoked((token) =>
      SseReader.open(server.url, board, { headers: { authorization: `Bearer ${token}` } }),
    );
    await eventually(() => expect(readers.filter(({ response }) => !response.closed)).toHaveLength(0));
  });
});
