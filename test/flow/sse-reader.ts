/** A reader of server-sent events: keeps a view by the letter of the protocol, and every event for the tests to look at. */
import { type ClientRequest, get, type IncomingMessage } from "node:http";
import type { Frame, Position, ProfilesMessage, Row, Snapshot } from "../../client-sdk/protocol/messages.ts";
import { applyRows } from "../../client-sdk/protocol/rows.ts";

export type SseEvent =
  | { event: "snapshot"; id: string; data: Snapshot }
  | { event: "frame"; id: string; data: Frame };

type ReaderOptions = {
  query?: string;
  lastEventId?: string;
  headers?: Record<string, string>;
  /** What an earlier reader had, to go on from. */
  from?: { position: Position | undefined; rows: Row[] };
};

export class SseReader {
  readonly #request: ClientRequest;
  readonly response: IncomingMessage;
  readonly events: SseEvent[] = [];
  /** Frames that did not follow: must stay empty. */
  readonly gaps: Frame[] = [];
  /** Resolves when the stream is over, however it ended. */
  readonly ended: Promise<void>;
  position: Position | undefined;
  rows: Row[] = [];
  /** Messages of profiles, in order; they are no events of the feed. */
  readonly profiles: ProfilesMessage[] = [];
  #text = "";

  private constructor(request: ClientRequest, response: IncomingMessage, from: ReaderOptions["from"]) {
    this.position = from?.position;
    this.rows = from?.rows ?? [];
    this.#request = request;
    this.response = response;
    this.ended = new Promise((resolve) => response.once("close", () => resolve()));
    response.on("error", () => undefined);
    response.setEncoding("utf8").on("data", (chunk: string) => this.#read(chunk));
  }

  /** Resolves with the answer's head; its events come when they come. @throws when there is none within 5 s */
  static open(
    url: string,
    board: string,
    { query = "", lastEventId, headers = {}, from }: ReaderOptions = {},
  ): Promise<SseReader> {
    return new Promise((resolve, reject) => {
      const last = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
      // No agent: every reader has a connection of its own.
      const options = { agent: false, headers: { ...headers, ...last } } as const;
      const request = get(`${url}/v1/boards/${board}/feed${query}`, options, (response) => {
        request.setTimeout(0);
        resolve(new SseReader(request, response, from));
      });
      request.setTimeout(5_000, () => request.destroy(new Error("The answer has no head after 5 s.")));
      request.on("error", reject);
    });
  }

  get id(): string {
    return this.events.at(-1)?.id ?? "";
  }

  /** Stop reading: what is sent fills the kernel's buffers, then the server's. */
  pause(): void {
    this.response.pause();
    this.response.socket.pause();
  }

  resume(): void {
    this.response.socket.resume();
    this.response.resume();
  }

  async close(): Promise<void> {
    this.#request.destroy();
    await this.ended;
  }

  #read(chunk: string): void {
    this.#text += chunk;
    const parts = this.#text.split("\n\n");
    this.#text = parts.pop()!;
    for (const part of parts) {
      const fields = new Map(
        part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      if (!fields.has("data")) continue;
      const [event, id] = [fields.get("event"), fields.get("id")];
      if (event === "profiles") {
        this.profiles.push(JSON.parse(fields.get("data")!));
        continue;
      }
      this.#take({ event, id, data: JSON.parse(fields.get("data")!) } as SseEvent);
    }
  }

  #take(one: SseEvent): void {
    this.events.push(one);
    const { epoch, offset } = one.data;
    if (one.event === "snapshot") {
      this.rows = one.data.rows;
    } else {
      if (this.position && (this.position.epoch !== epoch || this.position.offset !== one.data.after)) {
        this.gaps.push(one.data);
        return;
      }
      this.rows = applyRows(this.rows, one.data.set, one.data.drop);
    }
    this.position = { epoch, offset };
  }
}
