/** The typed Socket.IO server, what it keeps of each socket, and how a socket is sent away. */
import type { Server, Socket } from "socket.io";
import { BYE_CODES, type ByeCode } from "../../client-sdk/protocol/codes.ts";
import type { Ack, ClientEvents, ServerEvents } from "../../client-sdk/protocol/messages.ts";
import type { Caller } from "./gateway.ts";
import type { LiveFollowing } from "./live-subscriptions.ts";
import type { UnreadMessages } from "./unread-messages.ts";
import type { Following } from "./view-rooms.ts";

export type SocketData = {
  caller: Caller;
  /** Views, and everything else that it follows. */
  following: Following;
  live: LiveFollowing;
  unread: UnreadMessages;
  /** Counts one submission against the socket's own limit. @throws AppError limited */
  takeSubmission: () => void;
  /** Malformed messages in a row. */
  malformed: number;
};

/** What gateways tell each other. */
export type ControlEvents = {
  /** All sessions of the player are revoked. */
  signedOut: (member: string) => void;
  /** Members that have new scores, by board. */
  moved: (boards: [board: string, members: string[]][]) => void;
};

export type GameServer = Server<ClientEvents, ServerEvents, ControlEvents, SocketData>;
export type GameSocket = Socket<ClientEvents, ServerEvents, ControlEvents, SocketData>;

export type AnyAck = (reply: Ack<object>) => void;

/** Say why, then close [P-12]. */
export function sayBye(socket: GameSocket, code: ByeCode, afterMs: [number, number]): void {
  socket.emit("bye", { code, reconnect: BYE_CODES[code].reconnect, afterMs });
  // A client that reads nothing would keep the goodbye, and the connection, waiting.
  setTimeout(() => socket.disconnect(true), 50).unref();
}
