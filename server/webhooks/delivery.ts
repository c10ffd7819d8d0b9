/** What is delivered: the body and the headers of an event for an endpoint. Pure. */
import type { WebhookEndpointRow } from "../database/webhook-table-types.ts";
import type { Attempt } from "./post.ts";
import { signatureHeader } from "./signature.ts";

export const DELIVERY_STATES = ["pending", "delivered", "dead"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

type EventOf = {
  /** The event's id. */
  event: string;
  type: string;
  board: string | null;
  season: number | null;
  payload: Record<string, unknown>;
};

/** A delivery that is to be tried now. */
export type Claim = EventOf & {
  id: string;
  endpoint: string;
  at: Date;
  /** This one included. */
  attempts: number;
};

export type ListedDelivery = EventOf & {
  seq: number;
  id: string;
  state: DeliveryState;
  attempts: number;
  next_at: Date;
  last_status: number | null;
  last_error: string | null;
  created_at: Date;
  settled_at: Date | null;
};

/** The same body at every attempt; the signature is of its time. */
export function attemptOf(claim: Claim, endpoint: WebhookEndpointRow, nowMs: number): Attempt {
  const { id, event, type, board, season, at, payload } = claim;
  const body = JSON.stringify({ id: event, type, board, season, at: at.toISOString(), data: payload });
  return {
    url: endpoint.url,
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "rankwire",
      "rankwire-event": type,
      "rankwire-delivery": id,
      "rankwire-signature": signatureHeader(body, secretsOf(endpoint, nowMs), nowMs),
    },
  };
}

function secretsOf({ secret, previous_secret, previous_until }: WebhookEndpointRow, nowMs: number): string[] {
  const isGood = previous_secret !== null && previous_until !== null && previous_until.getTime() > nowMs;
  return isGood ? [secret, previous_secret] : [secret];
}
