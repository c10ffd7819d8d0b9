/** zod for what admins are answered about webhooks. */
import { z } from "zod";
import { DELIVERY_STATES } from "../../webhooks/delivery.ts";
import { count, instant } from "./entry-answers.ts";

const webhookFields = {
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  boards: z.array(z.string()),
  description: z.string().nullable(),
  createdAt: instant,
  rotatedAt: instant.nullable(),
  previousUntil: instant.nullable(),
  disabledAt: instant.nullable(),
};
/** The only answers that show a secret: when it is made, and when it is rotated. */
export const newWebhook = z.strictObject({ secret: z.string(), ...webhookFields });
export const webhook = z.strictObject(webhookFields);
export const webhookPage = z.strictObject({ webhooks: z.array(webhook), cursor: z.string().optional() });

export const toldDelivery = z.strictObject({ delivery: z.string() });
/** `nextAt` is null unless it waits; `lastStatus` where there was no answer. */
export const deliveryPage = z.strictObject({
  deliveries: z.array(
    z.strictObject({
      delivery: z.string(),
      event: z.strictObject({
        id: z.string(),
        type: z.string(),
        board: z.string().nullable(),
        season: z.int().nullable(),
        data: z.record(z.string(), z.unknown()),
      }),
      state: z.enum(DELIVERY_STATES),
      attempts: count,
      nextAt: instant.nullable(),
      lastStatus: z.int().nullable(),
      lastError: z.string().nullable(),
      createdAt: instant,
      settledAt: instant.nullable(),
    }),
  ),
  cursor: z.string().optional(),
});
