/** Engine.IO 4 and Socket.IO 5 packets as text, the default namespace only. Pure: k6 has no socket.io-client. */
import type { ErrorBody } from "../../../client-sdk/protocol/codes.ts";

export type Packet =
  /** Engine.IO says hello; the server pings every `pingIntervalMs` and waits `pingTimeoutMs` for the answer. */
  | { kind: "open"; pingIntervalMs: number; pingTimeoutMs: number }
  | { kind: "ping" }
  | { kind: "connected" }
  | { kind: "refused"; message: string; error?: ErrorBody }
  | { kind: "disconnected" }
  /** `json` is the array of the name and its arguments: whoever needs only its beginning does not parse it. */
  | { kind: "event"; name: string; json: string }
  /** `json` is the array of the answer. */
  | { kind: "ack"; id: number; json: string }
  | { kind: "other"; text: string };

export const PONG = "3";

export function connectPacket(token: string | undefined): string {
  return token === undefined ? "40" : `40${JSON.stringify({ token })}`;
}

/** @param ackId asks for an acknowledgement of this number */
export function eventPacket(name: string, message: object, ackId: number): string {
  return `42${ackId}${JSON.stringify([name, message])}`;
}

export function decode(text: string): Packet {
  const other: Packet = { kind: "other", text };
  try {
    switch (text[0]) {
      case "0":
        return opened(text.slice(1));
      case "1":
        return { kind: "disconnected" };
      case "2":
        return { kind: "ping" };
      case "4":
        return message(text) ?? other;
      default:
        return other;
    }
  } catch {
    return other;
  }
}

function opened(json: string): Packet {
  const { pingInterval, pingTimeout } = JSON.parse(json) as { pingInterval: number; pingTimeout: number };
  return { kind: "open", pingIntervalMs: pingInterval, pingTimeoutMs: pingTimeout };
}

function message(text: string): Packet | undefined {
  const json = text.slice(2);
  switch (text[1]) {
    case "0":
      return { kind: "connected" };
    case "1":
      return { kind: "disconnected" };
    case "2":
      return event(json);
    case "3":
      return ack(json);
    case "4": {
      const { message: said, data } = JSON.parse(json) as { message: string; data?: ErrorBody };
      return { kind: "refused", message: said, ...(data ? { error: data } : {}) };
    }
    default:
      return undefined;
  }
}

function event(json: string): Packet | undefined {
  const name = /^\["([^"\\]*)"/.exec(json)?.[1];
  return name === undefined ? undefined : { kind: "event", name, json };
}

function ack(text: string): Packet | undefined {
  const digits = /^\d+/.exec(text)?.[0];
  return digits === undefined
    ? undefined
    : { kind: "ack", id: Number(digits), json: text.slice(digits.length) };
}

/** The first argument of an event. @throws when it is not JSON */
export function argumentOf<T>({ json }: { json: string }): T {
  return (JSON.parse(json) as [string, T])[1];
}

/** The answer in an acknowledgement. @throws when it is not JSON */
export function answerOf<T>({ json }: { json: string }): T {
  return (JSON.parse(json) as [T])[0];
}
