/** The fastify instance: limits, error mapping, routes. */
import cors from "@fastify/cors";
import fastifyStatic from "@fastify/static";
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from "fastify";
import { AppError, toAppError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import { auditCalls } from "./audit-hook.ts";
import type { Gateway } from "./gateway.ts";
import { limitRequests, QUOTA_HEADERS } from "./request-quota.ts";
import { listRoutes } from "./route-list.ts";
import { adminRoutes } from "./routes/admin.ts";
import { adminLookRoutes } from "./routes/admin-looks.ts";
import { auditRoutes, banRoutes } from "./routes/bans.ts";
import { boardPatchRoutes } from "./routes/board-patch.ts";
import { boardRemovalRoutes } from "./routes/board-removal.ts";
import { boardRoutes } from "./routes/boards.ts";
import { counterRoutes } from "./routes/counters.ts";
import { deviceRoutes } from "./routes/devices.ts";
import { EXPORT_HEADERS, exportRoutes } from "./routes/exports.ts";
import { feedRoutes } from "./routes/feed.ts";
import { heldRoutes } from "./routes/held.ts";
import { historyRoutes } from "./routes/history.ts";
import { importRoutes } from "./routes/imports.ts";
import { keyRoutes } from "./routes/keys.ts";
import { memberRoutes } from "./routes/members.ts";
import { hiddenRoutes, moderationRoutes } from "./routes/moderation.ts";
import { operatorRoutes } from "./routes/operators.ts";
import { profileRoutes } from "./routes/profiles.ts";
import { referenceRoutes } from "./routes/reference.ts";
import { rewardAdminRoutes, rewardRoutes } from "./routes/rewards.ts";
import { rolloverRoutes } from "./routes/rollover.ts";
import { scoreRoutes } from "./routes/scores.ts";
import { seasonRoutes } from "./routes/seasons.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { webhookDeliveryRoutes } from "./routes/webhook-deliveries.ts";
import { webhookChangeRoutes, webhookLookRoutes, webhookRoutes } from "./routes/webhooks.ts";
import { tagArchived } from "./unchanged-answers.ts";

/** The routes of the API: each describes itself. */
export const ROUTES = [
  boardRoutes,
  seasonRoutes,
  historyRoutes,
  scoreRoutes,
  sessionRoutes,
  deviceRoutes,
  memberRoutes,
  profileRoutes,
  feedRoutes,
  adminRoutes,
  adminLookRoutes,
  rewardRoutes,
  rewardAdminRoutes,
  rolloverRoutes,
  boardPatchRoutes,
  exportRoutes,
  boardRemovalRoutes,
  keyRoutes,
  counterRoutes,
  heldRoutes,
  moderationRoutes,
  hiddenRoutes,
  importRoutes,
  banRoutes,
  auditRoutes,
  webhookRoutes,
  webhookLookRoutes,
  webhookChangeRoutes,
  webhookDeliveryRoutes,
  operatorRoutes,
];

export async function createHttp(gateway: Gateway): Promise<FastifyInstance> {
  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const known = fromHttpError(error);
    if (known.code === "internal") gateway.log.error({ err: error, request: request.id }, "request failed");
    if (known.retryAfterMs !== undefined) {
      void reply.header("retry-after", Math.ceil(known.retryAfterMs / 1000));
    }
    return reply.status(known.status).send({ error: { ...known.body(), request: request.id } });
  };
  const app = fastify({
    // What fails before a route is found, such as a path that is not text.
    frameworkErrors: refuse,
    bodyLimit: gateway.limits.httpBodyBytesMax,
    genReqId: newId,
    // Requests are not logged one by one; the log never sees a header.
    logger: false,
    forceCloseConnections: "idle",
    return503OnClosing: true,
    routerOptions: { maxParamLength: 512 },
  });
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request) => {
    throw new AppError("not_found", {
      message: `There is no ${request.method} ${request.url.split("?")[0]}.`,
    });
  });
  const routes = listRoutes(app);
  await app.register(cors, {
    origin: gateway.origins,
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    exposedHeaders: ["retry-after", ...QUOTA_HEADERS, ...EXPORT_HEADERS],
  });
  limitRequests(app, gateway);
  auditCalls(app, gateway);
  tagArchived(app);
  for (const add of ROUTES) add(app, gateway);
  referenceRoutes(app, routes);
  if (gateway.webRoot !== undefined) await app.register(fastifyStatic, { root: gateway.webRoot });
  return app;
}

const BAD_JSON = new Set(["FST_ERR_CTP_EMPTY_JSON_BODY", "FST_ERR_CTP_INVALID_JSON_BODY"]);

/** fastify's own refusals in the words of our table. */
function fromHttpError(error: unknown): AppError {
  const { code, statusCode, message } = error as Partial<FastifyError>;
  if (error instanceof AppError) return error;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return new AppError("payload_too_large");
  if (code !== undefined && BAD_JSON.has(code)) return new AppError("bad_json");
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new AppError("bad_request", message === undefined ? {} : { message });
  }
  return toAppError(error);
}
