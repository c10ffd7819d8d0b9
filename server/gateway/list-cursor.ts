/** The opaque cursor of an admin's list: the last line of a page, by what its list is ordered by, so that writes neither skip nor repeat. */
import { AppError } from "../base/errors.ts";

/** @param list whose cursor it is, so that none is taken for another's */
export function encodeListCursor(list: string, last: string): string {
  return Buffer.from(JSON.stringify([list, last])).toString("base64url");
}

/** @throws AppError cursor_invalid for one of another list, or none of ours */
export function decodeListCursor(list: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    const [name, last] = Array.isArray(parts) && parts.length === 2 ? parts : [];
    // No database can be asked for a NUL.
    if (name === list && typeof last === "string" && !last.includes("\0")) return last;
  } catch {
    // Not JSON: not ours.
  }
  throw new AppError("cursor_invalid");
}
