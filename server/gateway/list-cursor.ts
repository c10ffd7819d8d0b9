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
    if (Array.isArray(parts) && parts.length === 2 && parts[0] === list && typeof parts[1] === "string") {
      return parts[1];
    }
  } catch {
    // Not JSON: not ours.
  }
  throw new AppError("cursor_invalid");
}
