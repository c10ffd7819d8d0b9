/**
 * The deliverer: takes what is due, a few at a time for each endpoint, so that a slow one holds up nobody else; what fails waits longer each
 * time, and is given up after the last attempt. Several processes may deliver: a delivery is one's at a time. Order is not promised.
 */

import { newId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { Claim } from "./delivery.ts";
import { attemptOf } from "./delivery.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import { type PostLimits, type PostResult, post } from "./post.ts";
import { type BackOff, retryDelayMs } from "./retry-delay.ts";
import type { WebhookMetrics } from "./webhook-metrics.ts";

export type DelivererOptions = {
  endpoints: EndpointSet;
  store: DeliveryStore;
  limits: PostLimits;
  backOff: BackOff;
  attemptsMax: number;
  /** Attempts at a time to one endpoint. */
  concurrency: number;
  pollMs: number;
  /** How long a claim holds; longer than an attempt and its settling take. */
  leaseMs: number;
  now: () => number;
  random: () => number;
  metrics: WebhookMetrics;
  log: Log;
};

/** How long attempts under way may take when the process stops. */
const STOP_MS = 2_000;

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #loop: Loop;
  /** Of this process, in the leases of its claims. */
  readonly #name = newId();
  readonly #stopped = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #busy = new Map<string, number>();
  /** Somewhere there is room again since the last claim. */
  #roomAgain = false;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#loop = new Loop({
      everyMs: options.pollMs,
      step: (signal) => this.step(signal),
      onError: (error) => options.log.warn({ err: error }, "webhooks"),
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Something was noted in this process. */
  nudge(): void {
    this.#loop.nudge();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    const timer = setTimeout(() => this.#stopped.abort(), STOP_MS);
    await Promise.all(this.#underWay);
    clearTimeout(timer);
  }

  /** Begin all attempts that are due and for which there is room. @throws AppError unavailable, what Redis throws */
  async step(signal?: AbortSignal): Promise<void> {
    await this.#options.endpoints.refresh();
    do this.#roomAgain = false;
    while (!signal?.aborted && (await this.#claim()));
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** @returns whether to look again at once */
  async #claim(): Promise<boolean> {
    const { endpoints, store, concurrency, leaseMs, now } = this.#options;
    const rooms = [...endpoints.enabled.keys()]
      .map((endpoint) => ({ endpoint, room: concurrency - (this.#busy.get(endpoint) ?? 0) }))
      .filter(({ room }) => room > 0);
    if (rooms.length === 0) return false;
    const at = now();
    const claims = await store.claim({
      rooms,
      lease: this.#name,
      now: new Date(at),
      until: new Date(at + leaseMs),
    });
    for (const claim of claims) this.#begin(claim);
    return this.#roomAgain;
  }

  #begin(claim: Claim): void {
    const { endpoint } = claim;
    this.#busy.set(endpoint, (this.#busy.get(endpoint) ?? 0) + 1);
    const work = this.#try(claim)
      // Its lease runs out, and it is tried again.
      .catch((error: unknown) =>
        this.#options.log.warn({ err: error, delivery: claim.id }, "webhook not settled"),
      )
      .finally(() => {
        this.#busy.set(endpoint, this.#busy.get(endpoint)! - 1);
        this.#underWay.delete(work);
        this.#roomAgain = true;
        this.#loop.nudge();
      });
    this.#underWay.add(work);
  }

  async #try(claim: Claim): Promise<void> {
    const { endpoints, store, limits, metrics, now } = this.#options;
    const endpoint = endpoints.enabled.get(claim.endpoint);
    const result: PostResult = endpoint
      ? await post(attemptOf(claim, endpoint, now()), limits, this.#stopped.signal)
      : { outcome: "unreachable", error: "the webhook was disabled meanwhile" };
    metrics.attempts.inc({ outcome: result.outcome });
    if (result.outcome === "delivered") await store.settleDelivered(claim.id, result.status!);
    else await store.settleFailed(claim.id, this.#name, this.#afterFailure(claim, result));
  }

  #afterFailure({ attempts }: Claim, { status, error }: PostResult) {
    const { attemptsMax, backOff, now, random } = this.#options;
    const next =
      attempts < attemptsMax ? new Date(now() + retryDelayMs(attempts, backOff, random)) : undefined;
    return { next, status, error: error ?? "failed" };
  }
}
