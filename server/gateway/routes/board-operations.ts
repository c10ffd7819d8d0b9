/** What the reads of boards say of themselves; `boards.ts` has their handlers. */
import { z } from "zod";
import * as answers from "../answers/board-answers.ts";
import { pastTop } from "../answers/history-answers.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import { IF_NONE_MATCH, UNCHANGED } from "../unchanged-answers.ts";

export const list = describe({
  summary: "the public boards, and those that the credential may read",
  who: "anyone",
  answers: { 200: answers.boardList },
});

export const one = describe({
  summary: "the definition, the season and how seasons follow each other, `total`",
  details:
    "an admin key also sees `rules`, `rewards`, `webhookTop`, `metadata`, `logRetentionDays`, `historyRetentionDays` and what is `staged`: [seasons](#seasons)",
  who: "reader",
  params: schemas.boardParams,
  query: schemas.memberQuery,
  headers: IF_NONE_MATCH,
  answers: { 200: answers.oneBoard, ...UNCHANGED },
});

export const top = describe({
  summary: "the best entries, as published; behind a cursor the entries after it, at any depth",
  details:
    "20 without `limit`; offset + limit ≤ topSize, with an archived `season` any offset; `position` names the moment and is there only for the published top; with `at` (RFC 3339) the top as it stood: [history](history.md)",
  who: "reader",
  params: schemas.boardParams,
  query: schemas.topQuery,
  headers: IF_NONE_MATCH,
  answers: { 200: z.union([answers.top, pastTop]), ...UNCHANGED },
});

export const member = describe({
  summary: "a member's entry and rank",
  details: "`error` and `asOf` where the rank is not exact: [precision](#precision)",
  who: "reader",
  params: schemas.memberParams,
  query: schemas.memberQuery,
  headers: IF_NONE_MATCH,
  answers: { 200: answers.oneMember, ...UNCHANGED },
});

export const around = describe({
  summary: "the entries round a member, at most 101",
  who: "reader",
  params: schemas.memberParams,
  query: schemas.aroundQuery,
  headers: IF_NONE_MATCH,
  answers: { 200: answers.around, ...UNCHANGED },
});

export const members = describe({
  summary: "many members at once (friends), best first",
  details:
    "at most 5,000 members, with exact ranks members × shards ≤ 40,000; with fast ones each entry says `exact` and `error`",
  who: "reader",
  params: schemas.boardParams,
  query: schemas.seasonOnly,
  body: schemas.membersQuestion,
  answers: { 200: answers.members },
});

export const rankOfScore = describe({
  summary: "the rank that such values would have",
  details:
    "1 + members strictly better on the columns given: `column.<name>=` each, which may be left out from the last one on",
  who: "reader",
  params: schemas.boardParams,
  query: schemas.scoreQuery,
  headers: IF_NONE_MATCH,
  answers: { 200: answers.rankOfScore, ...UNCHANGED },
});

export const percentiles = describe({
  summary: "the score that the best so many percent have at least",
  who: "reader",
  params: schemas.boardParams,
  query: schemas.percentilesQuery,
  headers: IF_NONE_MATCH,
  answers: { 200: answers.percentilesAnswer, ...UNCHANGED },
});
