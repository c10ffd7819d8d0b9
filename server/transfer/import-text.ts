/** The body of an import as text: decoded strictly while it comes, within its bounds. Whoever reads it slowly slows its sender down. */
import { within } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";

export type BodyBounds = {
  /** Of the whole body; 0 for none. */
  bytesMax: number;
  /** ms without a byte, after which the sender counts as gone. */
  idleMs: number;
};

/**
 * @yields pieces of text as they come, cut anywhere; a byte order mark is left out
 * @throws AppError payload_too_large, bad_request where it is not UTF-8, or broke off
 */
export async function* textOf(bytes: AsyncIterable<Uint8Array>, bounds: BodyBounds): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let total = 0;
  for await (const piece of promptly(bytes, bounds.idleMs)) {
    total += piece.byteLength;
    if (bounds.bytesMax > 0 && total > bounds.bytesMax) {
      throw new AppError("payload_too_large", {
        message: `The body is longer than ${bounds.bytesMax} bytes (IMPORT_BODY_BYTES_MAX).`,
      });
    }
    const text = decoded(() => decoder.decode(piece, { stream: true }));
    if (text !== "") yield text;
  }
  const rest = decoded(() => decoder.decode());
  if (rest !== "") yield rest;
}

async function* promptly(bytes: AsyncIterable<Uint8Array>, idleMs: number): AsyncGenerator<Uint8Array> {
  const pieces = bytes[Symbol.asyncIterator]();
  try {
    while (true) {
      const { value, done } = await within(idleMs, nextOf(pieces), () => brokenOff(`for ${idleMs} ms`));
      if (done) return;
      yield value;
    }
  } finally {
    // Not waited for: a sender who is silent does not answer this either.
    void pieces.return?.()?.then(undefined, () => undefined);
  }
}

async function nextOf(pieces: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  try {
    return await pieces.next();
  } catch (error) {
    throw error instanceof AppError ? error : brokenOff("any more", error);
  }
}

function brokenOff(when: string, cause?: unknown): AppError {
  return new AppError("bad_request", { message: `The body broke off: nothing came ${when}.`, cause });
}

function decoded(decode: () => string): string {
  try {
    return decode();
  } catch (cause) {
    throw new AppError("bad_request", { message: "The body is not UTF-8 throughout.", cause });
  }
}
