/**
 * The baseline: single ZADDs, pipelined, from a client that costs next to nothing, so that Redis is what is measured.
 * A plain socket, commands encoded beforehand, and replies that are only counted.
 */
import { connect, type Socket } from "node:net";

export type RawZadd = { key: string; score: number; member: string };

export class RawClient {
  readonly #socket: Socket;
  #replies = 0;
  #waiting: { until: number; resolve: () => void }[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      // Every reply to ZADD is one line.
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) this.#replies++;
      while (this.#waiting[0] && this.#waiting[0].until <= this.#replies) this.#waiting.shift()!.resolve();
    });
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** Send the batches in order, `flights` of them under way. Resolves after the last reply. */
  async run(batches: readonly { bytes: Buffer; commands: number }[], flights: number): Promise<void> {
    const ends: Promise<void>[] = [];
    let sent = this.#replies;
    for (const [i, { bytes, commands }] of batches.entries()) {
      if (i >= flights) await ends[i - flights];
      sent += commands;
      ends.push(this.#until(sent));
      this.#socket.write(bytes);
    }
    await Promise.all(ends);
  }

  close(): void {
    this.#socket.destroy();
  }

  #until(replies: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ until: replies, resolve }));
  }
}

export function encodeZadds(zadds: readonly RawZadd[]): { bytes: Buffer; commands: number } {
  const text = zadds.map(({ key, score, member }) => command(["ZADD", key, String(score), member])).join("");
  return { bytes: Buffer.from(text), commands: zadds.length };
}

function command(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}
