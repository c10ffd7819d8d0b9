/** A receiver of webhooks for tests: a real HTTP server that checks signatures as docs/webhooks.md says, without any code of the sender. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { eventually } from "./eventually.ts";

export type Received = {
  path: string;
  /** The header `rankwire-delivery`. */
  delivery: string;
  type: string;
  /** The header `rankwire-signature`. */
  signature: string;
  text: string;
  body: {
    id: string;
    type: string;
    board: string | null;
    season: number | null;
    at: string;
    data: Record<string, unknown>;
  };
};

type Respond = (received: Received, response: ServerResponse, request: IncomingMessage) => void;

export type Receiver = {
  url: string;
  received: Received[];
  /** What it answers from now on; 204 at first. */
  respond: Respond;
  /** Resolves once so many have come that pass. */
  until(count: number, filter?: (one: Received) => boolean): Promise<Received[]>;
  close(): Promise<void>;
};

const status =
  (code: number): Respond =>
  (_, response) =>
    void response.writeHead(code).end();

export const answers = { ok: status(204), failure: status(500), never: () => undefined, status };

export async function startReceiver(): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const header = (name: string): string => String(request.headers[name]);
    const one: Received = {
      path: request.url ?? "",
      delivery: header("rankwire-delivery"),
      type: header("rankwire-event"),
      signature: header("rankwire-signature"),
      text,
      body: JSON.parse(text),
    };
    receiver.received.push(one);
    receiver.respond(one, response, request);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    respond: answers.ok,
    until: (count, filter = () => true) =>
      eventually(() => {
        const passing = receiver.received.filter(filter);
        if (passing.length < count) throw new Error(`${passing.length} of ${count} came`);
        return passing;
      }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return receiver;
}

/** What a receiver does with the header before it believes a word. @param nowMs its own clock */
export function isSigned({ signature, text }: Received, secret: string, nowMs: number): boolean {
  const parts = signature.split(",").map((part) => part.split("=") as [string, string]);
  const t = parts.find(([name]) => name === "t")?.[1] ?? "";
  if (Math.abs(nowMs / 1000 - Number(t)) > 300) return false;
  const expected = createHmac("sha256", secret).update(`${t}.${text}`).digest();
  return parts.some(([name, hex]) => {
    const given = Buffer.from(hex, "hex");
    return name === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
}
