/** zod for webhooks: what endpoints are made of, and which deliveries are asked for. */
import { z } from "zod";
import { DELIVERY_STATES } from "../webhooks/delivery.ts";
import { EVENT_TYPES } from "../webhooks/event-types.ts";
import { LIST_LIMIT_MAX } from "./admin-schemas.ts";
import { plain } from "./schemas.ts";
import { scope } from "./sign-in-schemas.ts";

const URL_LENGTH_MAX = 2_048;
const BOARDS_MAX = 100;

const url = plain
  .max(URL_LENGTH_MAX)
  .refine((text) => {
    const parsed = URL.canParse(text) ? new URL(text) : undefined;
    return parsed !== undefined && ["http:", "https:"].includes(parsed.protocol);
  }, "must be an http or https URL")
  .refine((text) => {
    const { username = "", password = "", hash = "" } = URL.canParse(text) ? new URL(text) : {};
    return username + password + hash === "";
  }, "must have neither credentials nor a fragment")
  // As requests write it: what of it is not ASCII is encoded.
  .transform((text) => new URL(text).href)
  .pipe(z.string().max(URL_LENGTH_MAX, "must be shorter once it is encoded"));
const events = z
  .array(z.enum(EVENT_TYPES))
  .max(EVENT_TYPES.length)
  .refine((types) => new Set(types).size === types.length, "names a type twice");
const boards = z.array(scope).max(BOARDS_MAX);
const description = plain.max(200);

export const webhookRequest = z.strictObject({
  url,
  events: events.default([]),
  boards: boards.default([]),
  description: description.optional(),
});
export const webhookPatch = z
  .strictObject({
    url: url.optional(),
    events: events.optional(),
    boards: boards.optional(),
    description: description.optional(),
    disabled: z.boolean().optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, "must name a field to change");
export const webhookParams = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/, "must be a webhook's id of 16 characters"),
});

export const deliveriesQuery = z.strictObject({
  state: z.enum(DELIVERY_STATES).optional(),
  limit: z.coerce.number().int().min(1).max(LIST_LIMIT_MAX).default(100),
  cursor: z.string().max(512).optional(),
});
export const deliveryParams = z.object({ id: z.guid("must be a delivery's id") });
