/** HTTP and sockets on one port: starts listening last, leaves politely first. */
import type { AddressInfo, Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Gateway } from "./gateway.ts";
import { createHttp } from "./http.ts";
import { Sockets } from "./sockets.ts";

export class GatewayServer {
  readonly #gateway: Gateway;
  readonly #listen: { host: string; port: number };
  #app: FastifyInstance | undefined;
  #sockets: Sockets | undefined;
  readonly #connections = new Set<Socket>();

  constructor(gateway: Gateway, listen: { host: string; port: number }) {
    this.#gateway = gateway;
    this.#listen = listen;
  }

  /** The port in use, once started. */
  get port(): number {
    return (this.#app?.server.address() as AddressInfo | null)?.port ?? 0;
  }

  async start(): Promise<void> {
    this.#app = await createHttp(this.#gateway);
    this.#sockets = new Sockets(this.#app.server, this.#gateway);
    this.#sockets.start();
    this.#gateway.checks.start();
    this.#app.server.on("connection", (socket: Socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    await this.#app.listen(this.#listen).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") throw error;
      const { host, port } = this.#listen;
      throw new Error(`Port ${port} of ${host} is taken. Stop what has it, or set PORT to another one.`);
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#sockets?.stop(), this.#gateway.checks.stop()]);
    // Requests under way are answered. What asks nothing (half a request, a connection opened ahead, a socket that is not read) would
    // hold the server open.
    const late = setTimeout(() => {
      for (const socket of this.#connections) socket.destroy();
    }, this.#gateway.limits.stopGraceMs);
    await this.#app?.close();
    clearTimeout(late);
  }
}
