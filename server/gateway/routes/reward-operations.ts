/** What the calls about rewards say of themselves; `rewards.ts` has their handlers. */
import { listQuery } from "../admin-schemas.ts";
import * as answers from "../answers/reward-answers.ts";
import { describe } from "../operation.ts";
import { claimParams, memberRewardParams, revokeRequest, seasonRewardParams } from "../reward-schemas.ts";
import { playerParams } from "../schemas.ts";

const DETAILS = "[rewards](rewards.md)";

export const ofSeason = describe({
  summary: "what was granted at a season's end, best first, in [pages](#lists)",
  details: DETAILS,
  who: "server",
  params: seasonRewardParams,
  query: listQuery,
  answers: { 200: answers.seasonRewards },
});

export const ofMember = describe({
  summary: "a player's rewards on all boards, the last granted first",
  details: DETAILS,
  who: "server",
  params: playerParams,
  query: listQuery,
  answers: { 200: answers.memberRewards },
});

export const own = describe({
  summary: "the player's own rewards on all boards, the last granted first",
  details: DETAILS,
  who: "player",
  query: listQuery,
  answers: { 200: answers.memberRewards },
});

export const claim = describe({
  summary: "notes that a reward was claimed; a repeated call changes nothing and answers the same",
  details: "an own one; a server key may claim anybody's",
  who: "player",
  params: claimParams,
  answers: { 200: answers.reward },
});

export const revoke = describe({
  summary: "takes a reward back, claimed or not; a repeated call changes nothing",
  details: "in the audit trail with its reason",
  who: "admin",
  params: memberRewardParams,
  body: revokeRequest,
  answers: { 200: answers.reward },
});

export const progress = describe({
  summary: "how far the granting of a season's rewards is",
  details: "`open` before the season is archived, then `waiting`, `granting`, `done`",
  who: "admin",
  params: seasonRewardParams,
  answers: { 200: answers.rewardProgress },
});
