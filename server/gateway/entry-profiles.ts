/** What answers show of members' profiles: only what the board asks for, looked up once for all entries of an answer [P-22]. */
import { Buffer } from "node:buffer";
import type { MemberProfiles, Profile, ProfileField } from "../../client-sdk/protocol/messages.ts";
import { within } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Profiles } from "../profiles/profiles.ts";

/** Above it what is told of profiles goes in several messages; one profile alone may be as large as it is. */
const MESSAGE_BYTES_MAX = 64 * 1024;

/** An answer does not wait longer for profiles: they are its trimmings. */
const WITHIN_MS = 500;

/** Null when nothing is left to show. */
export function shownOf(profile: Profile | undefined, fields: readonly ProfileField[]): Profile | null {
  if (!profile) return null;
  const shown = Object.fromEntries(
    fields.filter((field) => profile[field] !== undefined).map((field) => [field, profile[field]]),
  );
  return Object.keys(shown).length === 0 ? null : shown;
}

/** The entries with a `profile` each, where there is one. Never rejects: what cannot be had within half a second is left out. */
export async function withProfiles<T extends { member: string }>(
  profiles: Profiles,
  { board: { profileFields } }: OpenBoard,
  entries: readonly T[],
): Promise<(T & { profile?: Profile })[]> {
  if (profileFields.length === 0 || entries.length === 0) return [...entries];
  const looked = profiles.get(entries.map(({ member }) => member));
  const found = await within(WITHIN_MS, looked, () => new AppError("unavailable")).catch(
    () => new Map<string, Profile>(),
  );
  return entries.map((entry) => {
    const profile = shownOf(found.get(entry.member), profileFields);
    return profile ? { ...entry, profile } : entry;
  });
}

/** Each small enough for one message. */
export function inMessages(shown: Iterable<readonly [member: string, Profile | null]>): MemberProfiles[] {
  const messages: MemberProfiles[] = [];
  let members: [string, Profile | null][] = [];
  let bytes = 0;
  const close = (): void => {
    // Not by assignment: a member may be called "__proto__".
    if (members.length > 0) messages.push(Object.fromEntries(members));
    members = [];
    bytes = 0;
  };
  for (const [member, profile] of shown) {
    const size = Buffer.byteLength(JSON.stringify([member, profile]));
    if (bytes + size > MESSAGE_BYTES_MAX) close();
    members.push([member, profile]);
    bytes += size;
  }
  close();
  return messages;
}
