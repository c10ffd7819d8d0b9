/** Rewards of seasons that are over: listed, claimed, taken back, and how far their granting is. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { MemberPlace, RewardProgress, StoredReward } from "../../archive/stored-rewards.ts";
import { AppError } from "../../base/errors.ts";
import { rewardId, rewardNamed } from "../../rewards/reward-id.ts";
import { listQuery } from "../admin-schemas.ts";
import { noteForAudit } from "../audit-hook.ts";
import { callerOf, requirePlayer, requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { decodeListCursor, encodeListCursor } from "../list-cursor.ts";
import { claimParams, memberRewardParams, revokeRequest, seasonRewardParams } from "../reward-schemas.ts";
import * as schemas from "../schemas.ts";
import * as operations from "./reward-operations.ts";

export function rewardRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { storedRewards } = gateway;

  app.get("/v1/boards/:board/seasons/:season/rewards", operations.ofSeason, async (request) => {
    await requireRole(gateway, request, "server");
    const of = schemas.parse(seasonRewardParams, request.params);
    const { limit, cursor } = schemas.parse(listQuery, request.query);
    await requireSeason(gateway, of);
    const list = `rewards of ${of.board} ${of.season}`;
    const rows = await storedRewards.ofSeason(of, ordinalIn(list, cursor), limit + 1);
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    const more = last ? { cursor: encodeListCursor(list, String(last.ordinal)) } : {};
    return { ...of, rewards: page.map(shown), ...more };
  });

  app.get("/v1/members/:member/rewards", operations.ofMember, async (request) => {
    await requireRole(gateway, request, "server");
    return pageOf(request, schemas.parse(schemas.playerParams, request.params).member);
  });

  app.get("/v1/rewards", operations.own, async (request) => {
    const { member } = await requirePlayer(gateway, request);
    return pageOf(request, member);
  });

  app.post("/v1/rewards/:id/claim", operations.claim, async (request) => {
    const caller = await callerOf(gateway, request);
    const of = rewardNamed(schemas.parse(claimParams, request.params).id);
    if (caller.role !== "player") await requireRole(gateway, request, "server", of?.board);
    // Nobody hears by this which rewards others have.
    else if (of?.member !== caller.member) throw new AppError("reward_not_found");
    const reward = of && (await storedRewards.claim(of));
    if (!reward) throw new AppError("reward_not_found");
    if (reward.revokedAt) throw new AppError("reward_revoked");
    return shown(reward);
  });

  async function pageOf(request: FastifyRequest, member: string) {
    const { limit, cursor } = schemas.parse(listQuery, request.query);
    const list = `rewards of ${member}`;
    const rows = await storedRewards.ofMember(member, placeIn(list, cursor), limit + 1);
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      member,
      rewards: page.map(shown),
      ...(last ? { cursor: encodeListCursor(list, placeText(last)) } : {}),
    };
  }
}

/** What admins see of the granting, and take back of what was granted. */
export function rewardAdminRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { storedRewards } = gateway;

  app.post(
    "/v1/admin/boards/:board/seasons/:season/rewards/:member/revoke",
    operations.revoke,
    async (request) => {
      await requireRole(gateway, request, "admin");
      const of = schemas.parse(memberRewardParams, request.params);
      schemas.parse(revokeRequest, request.body);
      noteForAudit(request, { season: of.season });
      const reward = await storedRewards.revoke(of);
      if (!reward) throw new AppError("reward_not_found");
      return shown(reward);
    },
  );

  app.get(
    "/v1/admin/boards/:board/seasons/:season/rewards/progress",
    operations.progress,
    async (request) => {
      await requireRole(gateway, request, "admin");
      const of = schemas.parse(seasonRewardParams, request.params);
      await requireSeason(gateway, of);
      return { ...of, ...progressOf(await storedRewards.progress(of)) };
    },
  );
}

/** The present one is a season too, whose rewards are to come. @throws AppError board_not_found, season_not_found */
async function requireSeason({ registry }: Gateway, of: { board: string; season: number }): Promise<void> {
  const { season } = await registry.get(of.board);
  if (of.season > season.number) throw new AppError("season_not_found");
}

function shown({ grantedAt, claimedAt, revokedAt, ordinal: _, ...reward }: StoredReward) {
  return {
    id: rewardId(reward),
    ...reward,
    grantedAt: grantedAt.toISOString(),
    claimedAt: claimedAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
  };
}

function progressOf(progress: RewardProgress | undefined) {
  const { archivedAt = null, rewardedAt = null, run } = progress ?? {};
  const state = rewardedAt ? "done" : run ? "granting" : archivedAt ? "waiting" : "open";
  return {
    state,
    passed: run?.passed ?? null,
    entries: run?.shown ?? null,
    granted: run?.granted ?? 0,
    beganAt: run?.beganAt.toISOString() ?? null,
    endedAt: rewardedAt?.toISOString() ?? null,
  };
}

/** @throws AppError cursor_invalid */
function ordinalIn(list: string, cursor: string | undefined): number {
  const text = decodeListCursor(list, cursor) ?? "0";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new AppError("cursor_invalid");
}

function placeText({ grantedAt, board, season }: StoredReward): string {
  return `${grantedAt.getTime()} ${season} ${board}`;
}

/** @throws AppError cursor_invalid */
function placeIn(list: string, cursor: string | undefined): MemberPlace | undefined {
  const text = decodeListCursor(list, cursor);
  if (text === undefined) return undefined;
  const [, at, season, board] = /^(\d{1,14}) (\d{1,9}) (\S{1,64})$/.exec(text) ?? [];
  if (board === undefined) throw new AppError("cursor_invalid");
  return { grantedAt: new Date(Number(at)), season: Number(season), board };
}
