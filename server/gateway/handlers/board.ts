/** `board`: what anybody may know about a board, its current season above all. */
import { boardInfo } from "../../leaderboard/board-info.ts";
import { readableBoard } from "../gateway.ts";
import type { SocketMessages } from "../schemas.ts";
import type { Handler } from "./handler.ts";

export const handleBoard: Handler<SocketMessages["board"]> = async (
  { gateway, socket },
  { board },
  reply,
) => {
  reply({ info: boardInfo(await readableBoard(gateway, board, socket.data.caller)) });
};
