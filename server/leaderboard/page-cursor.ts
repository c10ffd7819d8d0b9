/** The opaque cursor of a paged read: a place (sort key, member) in one life of one season, so that pages neither skip nor repeat. */
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "./board.ts";

export type Place = { key: number; member: string };

export function encodeCursor({ board, season }: OpenBoard, { key, member }: Place): string {
  const parts = [board.id, season.number, season.incarnation, key, member];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** @throws AppError cursor_invalid for a cursor of another board, season or incarnation, or one that is not ours */
export function decodeCursor({ board, season }: OpenBoard, cursor: string): Place {
  const parts = parse(cursor);
  if (!Array.isArray(parts) || parts.length !== 5) throw new AppError("cursor_invalid");
  const [id, number, incarnation, key, member] = parts as unknown[];
  const ours = id === board.id && number === season.number && incarnation === season.incarnation;
  if (!ours || typeof key !== "number" || !Number.isSafeInteger(key) || typeof member !== "string") {
    throw new AppError("cursor_invalid");
  }
  return { key, member };
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
