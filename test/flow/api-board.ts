/** The board that the tests of the HTTP API read: four members, two of them equal. */
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { SERVER_KEY, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

export const API_BOARD: BoardDefinition = {
  operator: "incr",
  order: "desc",
  columns: [
    { name: "points", decimals: 1, max: 1000 },
    { name: "wins", max: 30 },
  ],
  shards: 4,
};

/** Best first: massa and kimi are equal. */
export const ENTRIES = [
  { rank: 1, member: "alonso", score: 35.5, columns: { wins: 1 } },
  { rank: 2, member: "kimi", score: 18, columns: { wins: 0 } },
  { rank: 2, member: "massa", score: 18, columns: { wins: 0 } },
  { rank: 4, member: "nico", score: 1, columns: { wins: 1 } },
];

/** @returns the board's id */
export async function createApiBoard(server: TestServer): Promise<string> {
  const board = uniqueBoard("api");
  await server.createBoard(board, API_BOARD);
  const submissions = ENTRIES.map(({ rank: _, ...entry }) => entry);
  await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
  return board;
}
