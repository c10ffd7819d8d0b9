/**
 * How far a client is behind with reading: where we look below Socket.IO.
 *
 * `conn.transport.writable` and `conn.writeBuffer` are the only signs of a slow client that Engine.IO 6 gives; they are read here
 * and nowhere else, and `test/flow/slow-client.test.ts` would notice if they changed.
 */
import type { GameSocket } from "./socket-types.ts";

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
