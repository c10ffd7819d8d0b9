/** `subscribe`: follow a view of a board, from a position if there is one [P-7]. */
import { AppError } from "../../base/errors.ts";
import { readableBoard } from "../gateway.ts";
import type { SocketMessages } from "../schemas.ts";
import type { Handler } from "./handler.ts";

export const handleSubscribe: Handler<SocketMessages["subscribe"]> = async (context, message, reply) => {
  const { gateway, rooms, socket } = context;
  if (message.kind !== "top") {
    throw new AppError("not_available", {
      message: `Subscriptions of kind "${message.kind}" are not built yet.`,
    });
  }
  const open = await readableBoard(gateway, message.board, socket.data.caller);
  await rooms.follow(socket, open, { view: message.view, position: message.position }, reply);
};
