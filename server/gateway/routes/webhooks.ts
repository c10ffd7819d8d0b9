/** Webhook endpoints: made and rotated (each answer shows the secret this once), listed, changed, removed. For keys of all boards only. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../../base/errors.ts";
import type { WebhookEndpointRow } from "../../database/webhook-table-types.ts";
import { refuseSpecialHost, TargetRefused } from "../../webhooks/target.ts";
import { listQuery } from "../admin-schemas.ts";
import { newWebhook, webhookPage, webhook as webhookSchema } from "../answers/webhook-answers.ts";
import { noteForAudit } from "../audit-hook.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { decodeListCursor, encodeListCursor } from "../list-cursor.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import { rotateRequest } from "../sign-in-schemas.ts";
import { webhookParams, webhookPatch, webhookRequest } from "../webhook-schemas.ts";

export function webhookRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { endpoints } = gateway.webhooks;

  app.post(
    "/v1/admin/webhooks",
    describe({
      summary: "makes a webhook, whose secret is shown this once",
      details: "without `events` and `boards` it hears of everything; [webhooks](webhooks.md)",
      who: "admin",
      body: webhookRequest,
      answers: { 201: newWebhook },
    }),
    async (request, reply) => {
      await requireRole(gateway, request, "admin");
      const asked = schemas.parse(webhookRequest, request.body);
      checkTarget(gateway, asked.url);
      const made = await endpoints.create(asked);
      noteForAudit(request, { details: { id: made.id } });
      void reply.status(201).header("cache-control", "no-store");
      return { secret: made.secret, ...shown(made) };
    },
  );

  app.post(
    "/v1/admin/webhooks/:id/rotate",
    describe({
      summary: "a new secret; for `overlapMs`, at most 30 days, deliveries are signed with the old one too",
      who: "admin",
      params: webhookParams,
      body: rotateRequest.optional(),
      answers: { 200: newWebhook },
    }),
    async (request, reply) => {
      await requireRole(gateway, request, "admin");
      const { id } = schemas.parse(webhookParams, request.params);
      const { overlapMs } = schemas.parse(rotateRequest, request.body ?? {});
      const rotated = await endpoints.rotate(id, overlapMs);
      void reply.header("cache-control", "no-store");
      return { secret: rotated.secret, ...shown(rotated) };
    },
  );
}

export function webhookLookRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { endpoints } = gateway.webhooks;

  app.get(
    "/v1/admin/webhooks",
    describe({
      summary: "the webhooks, by id, in [pages](#lists)",
      who: "admin",
      query: listQuery,
      answers: { 200: webhookPage },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { limit, cursor } = schemas.parse(listQuery, request.query);
      const rows = await endpoints.list(limit + 1, decodeListCursor("webhooks", cursor));
      const page = rows.slice(0, limit);
      const more = rows.length > limit ? { cursor: encodeListCursor("webhooks", page.at(-1)!.id) } : {};
      return { webhooks: page.map(shown), ...more };
    },
  );

  app.get(
    "/v1/admin/webhooks/:id",
    describe({
      summary: "one webhook",
      who: "admin",
      params: webhookParams,
      answers: { 200: webhookSchema },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      return shown(await endpoints.get(schemas.parse(webhookParams, request.params).id));
    },
  );
}

export function webhookChangeRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { endpoints } = gateway.webhooks;

  app.patch(
    "/v1/admin/webhooks/:id",
    describe({
      summary:
        "changes what is named; while `disabled` nothing is sent to it, and it does not hear of what happens",
      details: "what waits already is sent when it is enabled again, if it is still kept then",
      who: "admin",
      params: webhookParams,
      body: webhookPatch,
      answers: { 200: webhookSchema },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { id } = schemas.parse(webhookParams, request.params);
      const change = schemas.parse(webhookPatch, request.body);
      if (change.url !== undefined) checkTarget(gateway, change.url);
      return shown(await endpoints.patch(id, change));
    },
  );

  app.delete(
    "/v1/admin/webhooks/:id",
    describe({
      summary: "removes a webhook, with its deliveries",
      who: "admin",
      params: webhookParams,
      answers: { 200: webhookSchema },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      return shown(await endpoints.remove(schemas.parse(webhookParams, request.params).id));
    },
  );
}

/** Names are looked up when something is delivered; an address is refused at once. @throws AppError bad_request */
function checkTarget({ webhooks }: Gateway, url: string): void {
  if (webhooks.privateTargets) return;
  try {
    refuseSpecialHost(new URL(url).hostname);
  } catch (error) {
    if (!(error instanceof TargetRefused)) throw error;
    throw new AppError("bad_request", { message: `url: ${error.message}.` });
  }
}

/** Dates as ISO 8601; what has not happened is null. Never the secret. */
function shown(row: WebhookEndpointRow) {
  const iso = (date: Date | null): string | null => date?.toISOString() ?? null;
  return {
    id: row.id,
    url: row.url,
    events: row.events,
    boards: row.boards,
    description: row.description,
    createdAt: row.created_at.toISOString(),
    rotatedAt: iso(row.rotated_at),
    previousUntil: iso(row.previous_until),
    disabledAt: iso(row.disabled_at),
  };
}
