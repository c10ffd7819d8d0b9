/** A frame as the stream and the channel carry it: always the full top, `offset` after `offset − 1`. */
import type { Row } from "../../client-sdk/protocol/messages.ts";

export type StoredFrame = { epoch: string; offset: number; set: Row[]; drop: string[]; total: number };

/** What a message on the channel says: a whole frame, or only how far the feed is (a large frame, a fresh epoch). */
export type FeedMessage = StoredFrame | { epoch: string; offset: number };

export function encodeFrame(frame: StoredFrame): string {
  return JSON.stringify(frame);
}

/** Only our own scripts write these, so the text is trusted. */
export function decodeMessage(text: string): FeedMessage {
  return JSON.parse(text) as FeedMessage;
}

export function isWhole(message: FeedMessage): message is StoredFrame {
  return "set" in message;
}
