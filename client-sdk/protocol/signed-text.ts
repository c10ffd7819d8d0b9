/** What a player signs: one text for both sides. [P-21] */
import type { Submission } from "./messages.ts";

/**
 * The text of a submission whose HMAC-SHA256 under the session's `signingSecret` is its signature.
 *
 * JSON of one array, as ECMAScript's `JSON.stringify` writes it: no spaces, numbers in their shortest form, −0 as 0. Columns are pairs,
 * by the order of their names' UTF-16 units. The member is not in it: the secret is that of one session, and so of one member.
 */
export function signedText(board: string, submission: Submission): string {
  const { id, season, score, columns = {}, metadata } = submission;
  const pairs = Object.keys(columns)
    .sort()
    .map((name) => [name, columns[name]]);
  return JSON.stringify([
    "rankwire-submission-1",
    board,
    season ?? null,
    id ?? null,
    score,
    pairs,
    metadata ?? null,
  ]);
}
