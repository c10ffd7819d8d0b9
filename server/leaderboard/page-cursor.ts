/** The opaque cursor of a paged read: a place in one life of one season, so that pages neither skip nor repeat. */
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "./board.ts";

/** Where a member stands: smaller is better, by key, then rest (text of one length per board, empty on packed ones), then member bytes. */
export type Place = { key: number; rest: string; member: string };

export function encodeCursor({ board, season }: OpenBoard, { key, rest, member }: Place): string {
  const parts = [board.id, season.number, season.incarnation, key, rest, member];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** @throws AppError cursor_invalid for a cursor of another board, season or incarnation, or one that is not ours */
export function decodeCursor({ board, season, layout }: OpenBoard, cursor: string): Place {
  const parts = parse(cursor);
  if (!Array.isArray(parts) || parts.length !== 6) throw new AppError("cursor_invalid");
  const [id, number, incarnation, key, rest, member] = parts as unknown[];
  const ours = id === board.id && number === season.number && incarnation === season.incarnation;
  const isKey = typeof key === "number" && Number.isFinite(key) && typeof rest === "string";
  if (!ours || !isKey || rest.length !== layout.restLength || !isStorable(rest) || !isStorable(member)) {
    throw new AppError("cursor_invalid");
  }
  return { key, rest, member };
}

/** Text that a database can be asked for. */
function isStorable(text: unknown): text is string {
  return typeof text === "string" && !text.includes("\0");
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
