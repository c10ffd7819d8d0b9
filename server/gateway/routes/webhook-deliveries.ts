/** What webhooks have sent and are to send: listed, sent again, tried by hand. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../../base/errors.ts";
import type { ListedDelivery } from "../../webhooks/delivery.ts";
import { deliveryPage, toldDelivery } from "../answers/webhook-answers.ts";
import { noteForAudit } from "../audit-hook.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { decodeListCursor, encodeListCursor } from "../list-cursor.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import { deliveriesQuery, deliveryParams, webhookParams } from "../webhook-schemas.ts";

export function webhookDeliveryRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { endpoints, deliveries } = gateway.webhooks;

  app.post(
    "/v1/admin/webhooks/:id/test",
    describe({
      summary: "sends a `webhook.test` to this webhook, whatever it listens to",
      who: "admin",
      params: webhookParams,
      answers: { 202: toldDelivery },
    }),
    async (request, reply) => {
      await requireRole(gateway, request, "admin");
      const { id } = await endpoints.get(schemas.parse(webhookParams, request.params).id);
      const delivery = await gateway.webhooks.test(id);
      noteForAudit(request, { details: { delivery } });
      void reply.status(202);
      return { delivery };
    },
  );

  app.get(
    "/v1/admin/webhooks/:id/deliveries",
    describe({
      summary: "what was sent to a webhook and what waits for it, the newest first, in [pages](#lists)",
      who: "admin",
      params: webhookParams,
      query: deliveriesQuery,
      answers: { 200: deliveryPage },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { id } = await endpoints.get(schemas.parse(webhookParams, request.params).id);
      const { state, limit, cursor } = schemas.parse(deliveriesQuery, request.query);
      const after = numberIn(decodeListCursor("deliveries", cursor));
      const rows = await deliveries.list(id, { state, limit: limit + 1, after });
      const page = rows.slice(0, limit);
      const more =
        rows.length > limit ? { cursor: encodeListCursor("deliveries", String(page.at(-1)!.seq)) } : {};
      return { deliveries: page.map(shown), ...more };
    },
  );

  app.post(
    "/v1/admin/deliveries/:id/replay",
    describe({
      summary: "sends a delivery again, delivered or not, under its old id and with all its attempts",
      who: "admin",
      params: deliveryParams,
      answers: { 202: toldDelivery },
    }),
    async (request, reply) => {
      await requireRole(gateway, request, "admin");
      const { id } = schemas.parse(deliveryParams, request.params);
      const replayed = await deliveries.replay(id);
      if (!replayed) throw new AppError("not_found", { message: `There is no delivery "${id}".` });
      noteForAudit(request, { details: { webhook: replayed.endpoint } });
      void reply.status(202);
      return { delivery: id };
    },
  );
}

/** @throws AppError cursor_invalid */
function numberIn(last: string | undefined): number | undefined {
  if (last === undefined) return undefined;
  if (/^\d{1,15}$/.test(last)) return Number(last);
  throw new AppError("cursor_invalid");
}

function shown(row: ListedDelivery) {
  const { id, state, attempts, event, type, board, season, payload } = row;
  // Before the first attempt it is due since it was made.
  const nextAt = attempts === 0 ? row.created_at : row.next_at;
  return {
    delivery: id,
    event: { id: event, type, board, season, data: payload },
    state,
    attempts,
    nextAt: state === "pending" ? nextAt.toISOString() : null,
    lastStatus: row.last_status,
    lastError: row.last_error,
    createdAt: row.created_at.toISOString(),
    settledAt: row.settled_at?.toISOString() ?? null,
  };
}
