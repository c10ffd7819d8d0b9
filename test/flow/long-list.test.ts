/** A live list as long as a list may be, through the SDK and a server with its default limits. */
import { randomUUID } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { createClient } from "../../client-sdk/index.ts";
import { eventually } from "../support/eventually.ts";
import { SERVER_KEY, startServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

test("500 friends whose ids are UUIDs are followed in one list [P-14, P-18]", async () => {
  const server = await startServer(sharedRedisUrl());
  onTestFinished(() => server.stop());
  const board = uniqueBoard("friends");
  await server.createBoard(board, { operator: "set" });
  const members = Array.from({ length: 500 }, () => randomUUID());
  const submissions = members.map((member, i) => ({ member, score: i }));
  await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
  const client = createClient({ url: server.url });
  onTestFinished(() => client.close());
  const friends = client.board(board).friends(members);
  onTestFinished(friends.subscribe(() => undefined));
  await eventually(() => expect(friends.getSnapshot()).toMatchObject({ status: "live", missing: [] }));
  expect(friends.getSnapshot().entries).toHaveLength(500);
});
