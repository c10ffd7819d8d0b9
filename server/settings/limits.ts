/** Settings of how often somebody may do something. 0 turns a limit off; generous by default, so that only excess meets them. */
import { z } from "zod";
import { count, ms, type Setting, setting } from "./setting.ts";

const limit = (initial: number) => count(initial, 0);
/** Below one in a thousand seconds a full bucket would lie too far ahead for whole microseconds. */
const rate = (initial: number) =>
  z.coerce
    .number()
    .min(0)
    .max(1_000_000)
    .refine((perSecond) => perSecond === 0 || perSecond >= 0.001, "must be 0, or at least 0.001")
    .default(initial);
const burst = (initial: number) => z.coerce.number().int().min(1).max(1_000_000).default(initial);

export const limitSettings = {
  LIMITS_WHEN_AWAY: setting(
    z.enum(["open", "closed"]).default("open"),
    "What limits answer while Redis is away: `open` lets everything pass, `closed` refuses with `unavailable`.",
  ),
  TRUST_PROXY: setting(
    limit(0).pipe(z.number().max(10)),
    "Proxies in front that write X-Forwarded-For, counted from here; 0: the peer's address counts.",
  ),
  HTTP_WINDOW_MS: setting(ms(60_000), "ms. Window of the HTTP quotas; it begins with the first request."),
  HTTP_KEY_REQUESTS: setting(
    limit(120_000),
    "HTTP requests of one API key in a window; 0: any number. A call may hold many submissions.",
  ),
  HTTP_PLAYER_REQUESTS: setting(
    limit(6_000),
    "HTTP requests of one player in a window, over all sessions; 0: any number.",
  ),
  HTTP_ADDRESS_REQUESTS: setting(
    limit(12_000),
    "HTTP requests of one address in a window without a valid credential; 0: any number.",
  ),
  SIGN_IN_WINDOW_MS: setting(ms(60_000), "ms. Span of the sign-in limits, which slides."),
  SIGN_INS_PER_ADDRESS: setting(
    limit(600),
    "Sign-ins of players from one address in any such span; 0: any number. Those by a server key are not counted here.",
  ),
  SIGN_INS_PER_PLAYER: setting(limit(60), "Sign-ins of one player in any such span; 0: any number."),
  SUBMISSIONS_PER_SECOND: setting(
    rate(200),
    "Submissions a second of one player over sockets, on all gateways together, on average; 0: any number. With…",
  ),
  SUBMISSIONS_BURST: setting(burst(1_000), "Submissions. …so many at once after a rest."),
  SOCKET_SUBMISSIONS_PER_SECOND: setting(
    rate(200),
    "Submissions a second of one socket, on average; 0: any number. With…",
  ),
  SOCKET_SUBMISSIONS_BURST: setting(burst(1_000), "Submissions. …so many at once after a rest."),
  CONNECTIONS_PER_SECOND: setting(
    rate(100),
    "Sockets and server-sent-event readers a second that one address opens, on average; 0: any number. With…",
  ),
  CONNECTIONS_BURST: setting(burst(1_000), "Connections. …so many at once after a rest."),
} as const satisfies Record<string, Setting>;
