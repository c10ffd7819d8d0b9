/** What an admin does to one member's entry on one board. Each call is in the audit trail with its reason. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { EntryValues } from "../../../client-sdk/protocol/messages.ts";
import { SIGHTS } from "../../leaderboard/direct-writes.ts";
import type { ModerationResult } from "../../moderation/moderation.ts";
import { hiddenPage, moderated } from "../answers/moderation-answers.ts";
import { noteForAudit, noteForAuditNow } from "../audit-hook.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { adjustRequest, hiddenQuery, moderationQuery, moderationRequest } from "../moderation-schemas.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import { seasonReads } from "../season-reads.ts";

type Asked = { board: string; member: string; season: number | undefined };

const SIGHT_CALLS = [
  ["hide", SIGHTS.hidden, "nobody sees the entry any more; the player sees the own score as hidden"],
  ["shadow", SIGHTS.shadow, "nobody else sees the entry any more, and the player is not told"],
  ["show", SIGHTS.visible, "undoes `hide` and `shadow`; a ban's go on"],
] as const;

export function moderationRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { moderation } = gateway;

  for (const [name, sight, summary] of SIGHT_CALLS) {
    app.post(
      `/v1/admin/boards/:board/members/:member/${name}`,
      described(summary, moderationRequest),
      async (request) => {
        const { asked } = await askedOf(gateway, request, moderationRequest);
        return answered(
          request,
          asked,
          await moderation.setSight(asked.board, asked.season, asked.member, sight),
        );
      },
    );
  }

  app.post(
    "/v1/admin/boards/:board/members/:member/remove",
    described("deletes the entry; in an archived season it is hidden", moderationRequest),
    async (request) => {
      const { asked } = await askedOf(gateway, request, moderationRequest);
      const { board, season, member } = asked;
      const result = await moderation.remove(board, season, member, (removed, number) =>
        noteForAuditNow(gateway, request, { season: number, details: { removed } }),
      );
      return answered(request, asked, result);
    },
  );

  app.post(
    "/v1/admin/boards/:board/members/:member/restore",
    described("puts back what was removed last, hidden if it was", moderationRequest),
    async (request) => {
      const { asked } = await askedOf(gateway, request, moderationRequest);
      return answered(request, asked, await moderation.restore(asked.board, asked.season, asked.member));
    },
  );

  app.post(
    "/v1/admin/boards/:board/members/:member/adjust",
    described("gives the entry these values, whatever the operator", adjustRequest),
    async (request) => {
      const { asked, body } = await askedOf(gateway, request, adjustRequest);
      const { score, columns } = body;
      const values = { score, ...(columns ? { columns } : {}) } as EntryValues;
      return answered(
        request,
        asked,
        await moderation.adjust(asked.board, asked.season, asked.member, values),
      );
    },
  );
}

/** The list of who is hidden. */
export function hiddenRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { moderation } = gateway;

  app.get(
    "/v1/admin/boards/:board/members/hidden",
    describe({
      summary: "who is hidden on the board, in no order",
      details: "a page may be short and still have a cursor",
      who: "admin",
      params: schemas.boardParams,
      query: hiddenQuery,
      answers: { 200: hiddenPage },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { board } = schemas.parse(schemas.boardParams, request.params);
      const { limit, cursor, season } = schemas.parse(hiddenQuery, request.query);
      const { open, state } = await seasonReads(gateway, await gateway.registry.get(board), season);
      const heading = { board, season: open.season.number };
      const page =
        state === "archived"
          ? moderation.hiddenInArchive(open, limit, cursor)
          : moderation.hidden(open, limit, cursor);
      return { ...heading, ...(await page) };
    },
  );
}

/** @throws AppError unauthorized, forbidden, bad_request */
async function askedOf<T extends z.ZodType>(gateway: Gateway, request: FastifyRequest, bodySchema: T) {
  await requireRole(gateway, request, "admin");
  const { board, member } = schemas.parse(schemas.memberParams, request.params);
  const { season } = schemas.parse(moderationQuery, request.query);
  const asked: Asked = { board, member, season };
  return { asked, body: schemas.parse(bodySchema, request.body) };
}

function described(summary: string, body: typeof moderationRequest | typeof adjustRequest) {
  return describe({
    summary,
    details: "[moderation](#moderation)",
    who: "admin",
    params: schemas.memberParams,
    query: moderationQuery,
    body,
    answers: { 200: moderated },
  });
}

function answered(
  request: FastifyRequest,
  { board, member }: Asked,
  { season, before, after }: ModerationResult,
) {
  noteForAudit(request, { season, details: { before, after } });
  return { board, season, member, before, after };
}
