/** What waits for a client that does not read, while the client keeps changing what it follows. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { backlogOf } from "../../server/gateway/backlog.ts";
import type { GameServer, GameSocket } from "../../server/gateway/socket-types.ts";
import { UnreadMessages } from "../../server/gateway/unread-messages.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";

const LIMITS = { lagPacketsMax: 4, lagMsMax: 300 };

const http = createServer();
const io: GameServer = new Server(http, { transports: ["websocket"] });
beforeAll(() => new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve)));
afterAll(() => io.close());

/** The server's end of a client that has stopped reading, with more packets waiting than may. */
async function stuck(): Promise<GameSocket> {
  const connection = new Promise<GameSocket>((resolve) => io.once("connection", resolve));
  const client = await new RawClient(`http://127.0.0.1:${(http.address() as AddressInfo).port}`).connected();
  const socket = await connection;
  const engine = client.socket.io.engine as unknown as {
    transport: { ws: { _socket: { pause(): void; destroy(): void } } };
  };
  const tcp = engine.transport.ws._socket;
  tcp.pause();
  onTestFinished(() => tcp.destroy());
  await eventually(
    () => {
      socket.emit("notice", { kind: "fill", data: "x".repeat(1_000_000) });
      expect(backlogOf(socket)).toBeGreaterThan(2 * LIMITS.lagPacketsMax);
    },
    { everyMs: 1 },
  );
  return socket;
}

test("a client that subscribes again and again without reading waits once, counts once, and is closed in time", async () => {
  const socket = await stuck();
  let [behind, sent] = [0, 0];
  const held = new UnreadMessages(socket, LIMITS, () => behind++);
  const listeners = socket.conn.listenerCount("drain");
  const startedAt = performance.now();
  while (socket.connected && performance.now() - startedAt < 3_000) {
    const subscription = {};
    held.send(subscription, () => sent++);
    held.forget(subscription);
    expect(socket.conn.listenerCount("drain")).toBe(listeners + 1);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(socket.connected).toBe(false);
  expect(performance.now() - startedAt).toBeGreaterThan(LIMITS.lagMsMax);
  expect([sent, behind]).toEqual([0, 1]);
});
