/** What a handler is given. */

import type { Gateway } from "../gateway.ts";
import type { LiveSubscriptions } from "../live-subscriptions.ts";
import type { GameSocket } from "../socket-types.ts";
import type { Rooms } from "../view-rooms.ts";

export type Context = { gateway: Gateway; rooms: Rooms; live: LiveSubscriptions; socket: GameSocket };

/** `reply` is called once, unless an AppError is thrown. */
export type Handler<Message> = (
  context: Context,
  message: Message,
  reply: (answer: object) => void,
) => Promise<void>;
