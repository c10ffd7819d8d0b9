/** `subscribe`: follow a view of a board [P-7], a member's rank [P-17], or a window [P-18]. */
import { AppError } from "../../base/errors.ts";
import { readableBoard } from "../gateway.ts";
import type { SocketMessages } from "../schemas.ts";
import type { GameSocket } from "../socket-types.ts";
import type { Handler } from "./handler.ts";

export const handleSubscribe: Handler<SocketMessages["subscribe"]> = async (context, message, reply) => {
  const { gateway, rooms, live, socket } = context;
  const { board, kind } = message;
  const open = await readableBoard(gateway, board, socket.data.caller);
  switch (kind) {
    case "top":
      await rooms.follow(socket, open, { view: message.view, position: message.position }, reply);
      break;
    case "me": {
      const member = message.member ?? ownMember(socket);
      await live.followMember(socket, open, nameOf(board, kind, message.member), {
        member,
        isOwn: isOwn(socket, member),
        reply,
      });
      break;
    }
    case "around": {
      const member = message.member ?? ownMember(socket);
      const question = { kind, member, limit: message.limit, isOwn: isOwn(socket, member) };
      await live.followWindow(socket, open, nameOf(board, kind, message.member), { question, reply });
      break;
    }
    case "members": {
      const members = [...new Set(message.members)];
      const { listMembersMax } = gateway.limits;
      if (members.length > listMembersMax) {
        throw new AppError("too_many_items", {
          message: `At most ${listMembersMax} members in a live list.`,
        });
      }
      const question = { kind, list: message.list, members };
      await live.followWindow(socket, open, { board, kind, list: message.list }, { question, reply });
    }
  }
};

/** @throws AppError bad_request for a spectator, who must name a member */
export function ownMember({ data: { caller } }: GameSocket): string {
  if (caller.role === "player") return caller.member;
  throw new AppError("bad_request", { message: "Name a member, or sign in as one." });
}

function isOwn({ data: { caller } }: GameSocket, member: string): boolean {
  return caller.role === "player" && caller.member === member;
}

function nameOf(board: string, kind: "me" | "around", member: string | undefined) {
  return member === undefined ? { board, kind } : { board, kind, member };
}
