/** Settings of webhooks, and of the events that the top of a board makes. */
import { bytes, count, flag, ms, type Setting, setting } from "./setting.ts";

export const webhookSettings = {
  WEBHOOKS_MAX: setting(count(100), "Webhook endpoints of one deployment."),
  WEBHOOK_KEEP_DAYS: setting(
    count(30),
    "days. Events and their deliveries are kept this long, whatever became of them.",
  ),
  WEBHOOK_PENDING_MAX: setting(
    count(100_000),
    "Deliveries that may wait for one endpoint, about; of more the oldest are given up.",
  ),
  WEBHOOK_POLL_MS: setting(
    ms(1_000),
    "ms. The role `seasons` looks this often for what is to be delivered, where there are endpoints, and for changed endpoints.",
  ),
  WEBHOOK_TIMEOUT_MS: setting(
    ms(10_000),
    "ms. One attempt may take this long, from the look-up of its name on.",
  ),
  WEBHOOK_CONCURRENCY: setting(count(4), "Attempts at a time to one endpoint, of one process."),
  WEBHOOK_ATTEMPTS_MAX: setting(count(16), "Attempts before a delivery is given up."),
  WEBHOOK_BACKOFF_MS: setting(
    ms(5_000),
    "ms. The wait before the second attempt, about; it doubles with each one…",
  ),
  WEBHOOK_BACKOFF_MAX_MS: setting(
    ms(21_600_000),
    "ms. …up to this. With the defaults the last attempt is about 17 hours after the first.",
  ),
  WEBHOOK_RESPONSE_BYTES_MAX: setting(bytes(65_536), "bytes. What is read of an endpoint's answer, at most."),
  WEBHOOK_PRIVATE_TARGETS: setting(
    flag(false),
    "`true`: endpoints may be on loopback, private and other special addresses; else nothing connects to them.",
  ),
  TOP_EVENTS_MS: setting(
    ms(500),
    "ms. The tops of boards whose `top.…` events somebody listens to are looked at this often.",
  ),
  TOP_EVENTS_BOARDS_MAX: setting(
    count(1_000),
    "Seasons whose tops may be listened to; each takes up to 1,000 rows of memory.",
  ),
} as const satisfies Record<string, Setting>;
