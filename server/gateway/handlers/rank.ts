/** `rank`: a member's exact rank, the player's own when none is named. */
import { readableBoard } from "../gateway.ts";
import type { SocketMessages } from "../schemas.ts";
import type { Handler } from "./handler.ts";
import { ownMember } from "./subscribe.ts";

export const handleRank: Handler<SocketMessages["rank"]> = async ({ gateway, socket }, message, reply) => {
  const { caller } = socket.data;
  const open = await readableBoard(gateway, message.board, caller);
  reply(await gateway.reader.rank(open, message.member ?? ownMember(socket)));
};
