/** A WebSocket to the server with nothing above it: Engine.IO and Socket.IO packets are what the test writes. */
import { WebSocket } from "ws";

const PATH = "/socket.io/?EIO=4&transport=websocket";

export class RawSocket {
  readonly ws: WebSocket;
  readonly received: string[] = [];
  /** The close code, when it is closed; 1006 when it broke. */
  readonly closed: Promise<number>;
  #code: number | undefined;
  readonly #waiting = new Set<() => void>();

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("error", () => undefined);
    ws.on("message", (data) => {
      this.received.push(String(data));
      for (const look of this.#waiting) look();
    });
    this.closed = new Promise((resolve) =>
      ws.on("close", (code) => {
        this.#code = code;
        resolve(code);
      }),
    );
  }

  /** Resolves when the WebSocket is open, before any packet of ours. @throws when the upgrade is refused */
  static open(url: string, path = PATH): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const raw = new RawSocket(new WebSocket(url.replace("http", "ws") + path));
      raw.ws.once("open", () => resolve(raw));
      raw.ws.once("error", reject);
    });
  }

  /** Open and signed in as a spectator or, with a token, as a player. */
  static async connected(url: string, token?: string): Promise<RawSocket> {
    const raw = await RawSocket.open(url);
    raw.send(`40${token === undefined ? "" : JSON.stringify({ token })}`);
    await raw.until((text) => text.startsWith("40"));
    return raw;
  }

  get isClosed(): boolean {
    return this.#code !== undefined;
  }

  send(data: string | Buffer): void {
    this.ws.send(data);
  }

  /** The first packet that is `wanted`, received already or to come. @throws when the connection closes before */
  async until(wanted: (text: string) => boolean): Promise<string> {
    const found = new Promise<string>((resolve) => {
      const look = (): void => {
        const text = this.received.find(wanted);
        if (text === undefined) return;
        this.#waiting.delete(look);
        resolve(text);
      };
      this.#waiting.add(look);
      look();
    });
    const gone = this.closed.then((code) => {
      throw new Error(`Closed with ${code} before the packet came.`);
    });
    return Promise.race([found, gone]);
  }

  /** The acknowledgement of a request that is sent as it is written. */
  async ask(id: number, event: string): Promise<unknown> {
    this.send(`42${id}${event}`);
    const text = await this.until((packet) => packet.startsWith(`43${id}[`));
    return (JSON.parse(text.slice(2 + String(id).length)) as unknown[])[0];
  }

  async close(): Promise<void> {
    this.ws.terminate();
    await this.closed;
  }
}
