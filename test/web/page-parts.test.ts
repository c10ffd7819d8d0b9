import { describe, expect, it } from "vitest";
import { SdkError } from "../../client-sdk/index.ts";
import { linkStateOf } from "../../web/src/link-state.ts";
import {
  formatChange,
  formatError,
  formatGap,
  formatPercentile,
  scoreFormat,
} from "../../web/src/number-format.ts";
import { RankTrend } from "../../web/src/rank-trend.ts";
import { RateMeter } from "../../web/src/rate-meter.ts";

describe("the rate meter", () => {
  it("averages the last three whole seconds and leaves the running one out", () => {
    const meter = new RateMeter(60, 0);
    expect(meter.perSecond(0)).toBe(0);
    meter.add(3, 100);
    meter.add(3, 900);
    expect(meter.perSecond(1_000)).toBe(6);
    meter.add(100, 3_500);
    expect(meter.perSecond(3_900)).toBe(2);
  });

  it("counts silence as zeros and keeps as many seconds as asked", () => {
    const meter = new RateMeter(5, 0);
    meter.add(1, 0);
    meter.add(2, 3_000);
    expect(meter.history(4_000)).toEqual([1, 0, 0, 2]);
    expect(meter.history(7_000)).toEqual([0, 2, 0, 0, 0]);
    expect(meter.history(9_999_000)).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("the rank trend", () => {
  it("is the way since the window began", () => {
    const trend = new RankTrend(10_000);
    expect(trend.change(0)).toBe(0);
    trend.add(9, 0);
    trend.add(5, 6_000);
    expect(trend.change(6_000)).toBe(4);
    trend.add(7, 12_000);
    expect(trend.change(12_000)).toBe(2);
  });

  it("forgets a move when the window has passed over it", () => {
    const trend = new RankTrend(10_000);
    trend.add(9, 0);
    trend.add(5, 6_000);
    expect(trend.change(15_999)).toBe(4);
    expect(trend.change(16_000)).toBe(0);
  });
});

describe("numbers", () => {
  it("are written with the board's decimals", () => {
    expect(scoreFormat(0)(12_345)).toBe("12,345");
    expect(scoreFormat(2)(61.5)).toBe("61.50");
  });

  it("say which way the gap to the leader goes", () => {
    expect(formatGap(300, 200, "desc", scoreFormat(0))).toBe("−100");
    expect(formatGap(60.1, 61.5, "asc", scoreFormat(1))).toBe("+1.4");
    expect(formatGap(300, 300, "desc", scoreFormat(0))).toBe("");
  });

  it("say by how much a rank may be off, unless it is exact", () => {
    expect([0, 12, 4_800].map(formatError)).toEqual(["", "±12", "±4,800"]);
  });

  it("round a percentile down and mark a change", () => {
    expect(formatPercentile(99.99)).toBe("99.9");
    expect([3, 0, -12].map(formatChange)).toEqual(["▲3", "", "▼12"]);
  });
});

describe("the connection in words", () => {
  const nothing = { status: "loading", position: undefined, error: undefined } as const;
  const board = { position: { epoch: "e", offset: 1 }, error: undefined };
  const error = new SdkError({ code: "internal", message: "Why.", remediation: "", retryable: true });

  it.each([
    ["connecting", "Connecting", { status: "disconnected" }, nothing],
    ["connecting", "Connecting", { status: "connected" }, nothing],
    ["live", "Live", { status: "connected" }, { ...board, status: "live" }],
    ["stale", "Stale", { status: "connected" }, { ...board, status: "stale" }],
    ["reconnecting", "Reconnecting", { status: "disconnected" }, { ...board, status: "stale" }],
    ["reconnecting", "Reconnecting", { status: "connecting" }, { ...board, status: "stale" }],
    ["failed", "Why.", { status: "connected" }, { ...nothing, status: "error", error }],
    ["failed", "Closed: Why.", { status: "closed", reason: error }, nothing],
  ] as const)("is %s: %s", (kind, label, connection, top) => {
    expect(linkStateOf(connection, top)).toEqual({ kind, label });
  });
});
