/** `rank`: a member's exact rank, the player's own when none is named. */
import { withProfiles } from "../entry-profiles.ts";
import { readableBoard } from "../gateway.ts";
import type { SocketMessages } from "../schemas.ts";
import type { Handler } from "./handler.ts";
import { ownMember } from "./subscribe.ts";

export const handleRank: Handler<SocketMessages["rank"]> = async ({ gateway, socket }, message, reply) => {
  const { caller } = socket.data;
  const open = await readableBoard(gateway, message.board, caller);
  const rank = await gateway.reader.rank(open, message.member ?? ownMember(socket));
  const [answer] = await withProfiles(gateway.profiles, open, [rank]);
  reply(answer!);
};
