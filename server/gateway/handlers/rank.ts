/** `rank`: a member's exact rank, the player's own when none is named. */
import { toAppError } from "../../base/errors.ts";
import { withProfiles } from "../entry-profiles.ts";
import { readableBoard } from "../gateway.ts";
import type { SocketMessages } from "../schemas.ts";
import type { Handler } from "./handler.ts";
import { ownMember } from "./subscribe.ts";

export const handleRank: Handler<SocketMessages["rank"]> = async ({ gateway, socket }, message, reply) => {
  const { caller } = socket.data;
  const open = await readableBoard(gateway, message.board, caller);
  const member = message.member ?? ownMember(socket);
  const rank = await gateway.reader.rank(open, member).catch(async (error: unknown) => {
    const isOwn = caller.role === "player" && caller.member === member;
    const own =
      isOwn && toAppError(error).code === "member_not_found" && (await gateway.ownView.rank(open, member));
    if (!own) throw error;
    return own;
  });
  const [answer] = await withProfiles(gateway.profiles, open, [rank]);
  reply(answer!);
};
