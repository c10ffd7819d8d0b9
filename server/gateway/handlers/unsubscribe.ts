/** `unsubscribe`: stop following a view. Stopping what is not followed is no error. */
import type { SocketMessages } from "../schemas.ts";
import type { Handler } from "./handler.ts";

export const handleUnsubscribe: Handler<SocketMessages["unsubscribe"]> = async (
  context,
  { board, view },
  reply,
) => {
  const { gateway, rooms, socket } = context;
  rooms.unfollow(socket, await gateway.registry.get(board), view);
  reply({});
};
