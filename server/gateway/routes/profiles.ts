/** Profiles: anybody reads them; game servers, and players their own where that is allowed, change them. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Profile } from "../../../client-sdk/protocol/messages.ts";
import { AppError } from "../../base/errors.ts";
import type { ProfileChange } from "../../profiles/profile-store.ts";
import { callerOf, requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import * as profileSchemas from "../profile-schemas.ts";
import * as schemas from "../schemas.ts";
import * as operations from "./profile-operations.ts";

export function profileRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { profiles } = gateway;

  app.get("/v1/profiles/:member", operations.one, async (request) => {
    await callerOf(gateway, request);
    const { member } = schemas.parse(schemas.playerParams, request.params);
    const profile = (await readMany(gateway, [member])).get(member);
    if (!profile) throw new AppError("profile_not_found");
    return { member, profile };
  });

  app.put("/v1/profiles/:member", operations.put, async (request) => {
    const member = await writableMember(gateway, request);
    const profile = profileFrom(schemas.parse(profileSchemas.profile, request.body));
    return { member, ...(await profiles.put(member, profile)), profile };
  });

  app.patch("/v1/profiles/:member", operations.patch, async (request) => {
    const member = await writableMember(gateway, request);
    const change = schemas.parse(profileSchemas.profileChange, request.body);
    return { member, ...(await profiles.patch(member, change)) };
  });

  app.delete("/v1/profiles/:member", operations.remove, async (request) => {
    const member = await writableMember(gateway, request);
    return { member, ...(await profiles.remove(member)) };
  });

  app.post("/v1/profiles", operations.many, async (request) => {
    const { members, profiles: imported } = (request.body ?? {}) as {
      members?: unknown;
      profiles?: unknown;
    };
    if (imported === undefined) {
      await callerOf(gateway, request);
      checkCount(members);
      const asked = schemas.parse(profileSchemas.profilesQuestion, request.body);
      return listed(asked.members, await readMany(gateway, asked.members));
    }
    await requireRole(gateway, request, "server");
    checkCount(imported);
    const call = schemas.parse(profileSchemas.profilesImport, request.body);
    const given = new Map(call.profiles.map(({ member, ...profile }) => [member, profileFrom(profile)]));
    if (given.size < call.profiles.length) {
      throw new AppError("bad_request", { message: "profiles: a member is named twice." });
    }
    const versions = await profiles.putMany(given);
    return { versions: [...versions].map(([member, version]) => ({ member, version })) };
  });
}

/** @throws AppError too_many_items, before anything is looked at one by one */
function checkCount(list: unknown): void {
  if (!Array.isArray(list) || list.length <= profileSchemas.PROFILES_MAX) return;
  throw new AppError("too_many_items", {
    message: `At most ${profileSchemas.PROFILES_MAX} profiles in one call.`,
  });
}

/** Not older than any change that was answered before. @throws AppError unavailable when some cannot be had */
async function readMany(
  { profiles }: Gateway,
  members: readonly string[],
): Promise<Map<string, Profile | undefined>> {
  const found = await profiles.look(members, { isFresh: true });
  if (members.some((member) => !found.has(member))) {
    throw new AppError("unavailable", { message: "The database did not answer.", retryAfterMs: 1_000 });
  }
  return found;
}

function listed(members: readonly string[], found: Map<string, Profile | undefined>) {
  const profiles: { member: string; profile: Profile }[] = [];
  const missing: string[] = [];
  for (const member of new Set(members)) {
    const profile = found.get(member);
    if (profile) profiles.push({ member, profile });
    else missing.push(member);
  }
  return { profiles, missing };
}

/** @throws AppError unauthorized, forbidden */
async function writableMember(gateway: Gateway, request: FastifyRequest): Promise<string> {
  const { member } = schemas.parse(schemas.playerParams, request.params);
  const caller = await callerOf(gateway, request);
  if (caller.role === "player" && gateway.profileWriters === "player") {
    if (caller.member === member) return member;
    throw new AppError("forbidden", { message: "A player may change its own profile only." });
  }
  await requireRole(gateway, request, "server");
  return member;
}

/** Null as a whole `extra` is no extra. */
function profileFrom({ displayName, avatarUrl, country, extra }: ProfileChange): Profile {
  const profile: Profile = {};
  if (displayName != null) profile.displayName = displayName;
  if (avatarUrl != null) profile.avatarUrl = avatarUrl;
  if (country != null) profile.country = country;
  if (extra != null) profile.extra = extra;
  return profile;
}
