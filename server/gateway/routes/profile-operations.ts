/** What the calls about profiles say of themselves; `profiles.ts` has their handlers. */
import { z } from "zod";
import * as answers from "../answers/player-answers.ts";
import { describe } from "../operation.ts";
import * as profileSchemas from "../profile-schemas.ts";
import * as schemas from "../schemas.ts";

const OWN = "also by the player's own session, with `PROFILE_WRITERS=player`";

export const one = describe({
  summary: "a member's [profile](#profiles)",
  who: "anyone",
  params: schemas.playerParams,
  answers: { 200: answers.oneProfile },
});

export const put = describe({
  summary: "a profile in place of what there was",
  details: OWN,
  who: "server",
  params: schemas.playerParams,
  body: profileSchemas.profile,
  answers: { 200: answers.changedProfile },
});

export const patch = describe({
  summary: "changes the fields that are named; null takes one away",
  details: OWN,
  who: "server",
  params: schemas.playerParams,
  body: profileSchemas.profileChange,
  answers: { 200: answers.changedProfile },
});

export const remove = describe({
  summary: "removes a profile",
  details: OWN,
  who: "server",
  params: schemas.playerParams,
  answers: { 200: answers.removedProfile },
});

export const many = describe({
  summary: "many profiles: asked for by `members`, or imported as `profiles`",
  details: "at most 1,000; an import needs a server key, names each member once, and is all or none",
  who: "anyone",
  body: z.union([profileSchemas.profilesQuestion, profileSchemas.profilesImport]),
  answers: { 200: answers.manyProfiles },
});
