/** `rank`: a member's exact rank, the player's own when none is named. */
import { AppError } from "../../base/errors.ts";
import { readableBoard } from "../gateway.ts";
import type { SocketMessages } from "../schemas.ts";
import type { Handler } from "./handler.ts";

export const handleRank: Handler<SocketMessages["rank"]> = async ({ gateway, socket }, message, reply) => {
  const { caller } = socket.data;
  const open = await readableBoard(gateway, message.board, caller);
  const member = message.member ?? (caller.role === "player" ? caller.member : undefined);
  if (member === undefined)
    throw new AppError("bad_request", { message: "Name a member, or sign in as one." });
  reply(await gateway.reader.rank(open, member));
};
