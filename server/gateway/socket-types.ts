/**
 * The typed Socket.IO server, and the few places where we look below it.
 *
 * `conn.transport.writable` and `conn.writeBuffer` are the only signs of a slow client that Engine.IO 6 gives; they are read here
 * and nowhere else, and `test/flow/slow-client.test.ts` would notice if they changed.
 */
import type { Server, Socket } from "socket.io";
import { BYE_CODES, type ByeCode } from "../../client-sdk/protocol/codes.ts";
import type { Ack, ClientEvents, ServerEvents } from "../../client-sdk/protocol/messages.ts";
import type { Following } from "./following.ts";
import type { Caller } from "./gateway.ts";

export type SocketData = {
  caller: Caller;
  following: Following;
  /** Malformed messages in a row. */
  malformed: number;
};

export type GameServer = Server<ClientEvents, ServerEvents, Record<string, never>, SocketData>;
export type GameSocket = Socket<ClientEvents, ServerEvents, Record<string, never>, SocketData>;

export type AnyAck = (reply: Ack<object>) => void;

/** Packets that wait because the transport is not writable; 0 for a client that keeps up. */
export function backlogOf(socket: GameSocket): number {
  const { transport, writeBuffer } = socket.conn as unknown as {
    transport: { writable: boolean };
    writeBuffer: unknown[];
  };
  return transport.writable ? 0 : writeBuffer.length;
}

/** @returns what stops waiting */
export function onDrain(socket: GameSocket, listener: () => void): () => void {
  const { conn } = socket;
  const check = (): void => {
    if (backlogOf(socket) > 0) return;
    conn.off("drain", check);
    listener();
  };
  conn.on("drain", check);
  return () => conn.off("drain", check);
}

/** Say why, then close [P-12]. */
export function sayBye(socket: GameSocket, code: ByeCode, afterMs: [number, number]): void {
  socket.emit("bye", { code, reconnect: BYE_CODES[code].reconnect, afterMs });
  // A client that reads nothing would keep the goodbye, and the connection, waiting.
  setTimeout(() => socket.disconnect(true), 50).unref();
}
