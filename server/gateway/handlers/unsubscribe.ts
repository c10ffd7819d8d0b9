/** `unsubscribe`: stop following. Stopping what is not followed is no error. */
import type { SocketMessages } from "../schemas.ts";
import type { Handler } from "./handler.ts";

export const handleUnsubscribe: Handler<SocketMessages["unsubscribe"]> = async (context, message, reply) => {
  const { gateway, rooms, live, socket } = context;
  if (message.kind === "top") {
    rooms.unfollow(socket, await gateway.registry.get(message.board), message.view);
  } else if (message.kind === "members") {
    live.unfollow(socket, message);
  } else {
    const { board, kind, member } = message;
    live.unfollow(socket, member === undefined ? { board, kind } : { board, kind, member });
  }
  reply({});
};
