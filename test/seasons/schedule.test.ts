/** When seasons end: a table of schedules over months, ISO years and changes of daylight saving, held by no clock. */
import { describe, expect, test } from "vitest";
import { goesOn, missedEnds, nextEnd } from "../../server/leaderboard/season-schedule.ts";
import { type SeasonRules, seasonRules } from "../../server/leaderboard/season-schema.ts";

/** The first `count` ends after an instant, in ISO 8601. */
function ends(rules: SeasonRules, after: string, count: number): string[] {
  const list: string[] = [];
  let at: number | undefined = Date.parse(after);
  while (list.length < count) {
    at = nextEnd(rules, at);
    if (at === undefined) break;
    list.push(new Date(at).toISOString().replace(":00.000Z", "Z"));
  }
  return list;
}

const cron = (pattern: string, timeZone: string): SeasonRules => ({ cron: pattern, timeZone });
const weeks = (everyWeeks: number, from: string, timeZone: string): SeasonRules => ({
  everyWeeks,
  from,
  timeZone,
});

const TABLE: [string, SeasonRules, string, string[]][] = [
  [
    "months of 31, 28, 31 and 30 days, and summer time from the end of March",
    cron("0 0 1 * *", "Europe/Berlin"),
    "2026-01-15T00:00Z",
    ["2026-01-31T23:00Z", "2026-02-28T23:00Z", "2026-03-31T22:00Z", "2026-04-30T22:00Z"],
  ],
  [
    "the 29th of February of a leap year",
    cron("0 0 1 3 *", "UTC"),
    "2028-02-28T00:00Z",
    ["2028-03-01T00:00Z", "2029-03-01T00:00Z"],
  ],
  [
    "the 31st, in months that have one",
    cron("0 12 31 * *", "UTC"),
    "2026-01-01T00:00Z",
    ["2026-01-31T12:00Z", "2026-03-31T12:00Z", "2026-05-31T12:00Z"],
  ],
  [
    "Mondays over the end of an ISO year of 53 weeks",
    cron("0 0 * * 1", "UTC"),
    "2026-12-20T00:00Z",
    ["2026-12-21T00:00Z", "2026-12-28T00:00Z", "2027-01-04T00:00Z"],
  ],
  [
    "every night in Berlin, when an hour is missing in spring",
    cron("0 1 * * *", "Europe/Berlin"),
    "2026-03-28T12:00Z",
    ["2026-03-29T00:00Z", "2026-03-29T23:00Z"],
  ],
  [
    "half past two in Berlin, which the spring of 2026 skips: when the clock has sprung",
    cron("30 2 * * *", "Europe/Berlin"),
    "2026-03-28T12:00Z",
    ["2026-03-29T01:00Z", "2026-03-30T00:30Z"],
  ],
  [
    "half past two in Berlin, which autumn repeats: once",
    cron("30 2 * * *", "Europe/Berlin"),
    "2026-10-24T12:00Z",
    ["2026-10-25T00:30Z", "2026-10-26T01:30Z"],
  ],
  [
    "midnight in Santiago, which spring in the south skips",
    cron("0 0 * * *", "America/Santiago"),
    "2026-09-05T12:00Z",
    ["2026-09-06T04:00Z", "2026-09-07T03:00Z"],
  ],
  [
    "half past eleven at night in Santiago, which autumn in the south repeats: once",
    cron("30 23 * * *", "America/Santiago"),
    "2026-04-04T12:00Z",
    ["2026-04-05T02:30Z", "2026-04-06T03:30Z"],
  ],
  [
    "every six weeks on the wall of Berlin, over both changes",
    weeks(6, "2026-01-05T00:00", "Europe/Berlin"),
    "2026-01-01T00:00Z",
    [
      "2026-01-04T23:00Z",
      "2026-02-15T23:00Z",
      "2026-03-29T22:00Z",
      "2026-05-10T22:00Z",
      "2026-06-21T22:00Z",
      "2026-08-02T22:00Z",
      "2026-09-13T22:00Z",
      "2026-10-25T23:00Z",
    ],
  ],
  [
    "every week at an hour that Berlin skips once",
    weeks(1, "2026-03-22T02:30", "Europe/Berlin"),
    "2026-03-22T12:00Z",
    ["2026-03-29T01:30Z", "2026-04-05T00:30Z"],
  ],
  [
    "every week at the midnight that Santiago skips once",
    weeks(1, "2026-08-30T00:00", "America/Santiago"),
    "2026-08-30T12:00Z",
    ["2026-09-06T04:00Z", "2026-09-13T03:00Z"],
  ],
  [
    "every 52 weeks, long before and long after the first",
    weeks(52, "2020-12-28T00:00", "UTC"),
    "2026-12-01T00:00Z",
    ["2026-12-21T00:00Z", "2027-12-20T00:00Z"],
  ],
  [
    "a last end cuts the schedule off",
    { ...cron("0 0 1 * *", "UTC"), endsAt: "2026-02-10T00:00:00Z" },
    "2026-01-15T00:00Z",
    ["2026-02-01T00:00Z", "2026-02-10T00:00Z"],
  ],
  ["by hand there is none", { schedule: "manual" }, "2026-01-15T00:00Z", []],
];

describe("seasons end", () => {
  test.each(TABLE)("%s", (_, rules, after, expected) => {
    expect(ends(rules, after, expected.length + (expected.length === 0 ? 1 : 0))).toEqual(expected);
  });

  test("strictly after the instant that is asked about, so that a season never ends when it begins", () => {
    expect(nextEnd(cron("0 0 1 * *", "UTC"), Date.parse("2026-02-01T00:00:00Z"))).toBe(
      Date.parse("2026-03-01T00:00:00Z"),
    );
    expect(nextEnd(weeks(6, "2026-01-05T00:00", "UTC"), Date.parse("2026-01-05T00:00:00Z"))).toBe(
      Date.parse("2026-02-16T00:00:00Z"),
    );
  });

  test("for good at the last end, and never by themselves where they are rolled over by hand", () => {
    const rules: SeasonRules = { ...cron("0 0 1 * *", "UTC"), endsAt: "2026-03-01T00:00:00Z" };
    expect(goesOn(rules, Date.parse("2026-02-01T00:00:00Z"))).toBe(true);
    expect(goesOn(rules, Date.parse("2026-03-01T00:00:00Z"))).toBe(false);
    expect(goesOn({ schedule: "manual", endsAt: "2026-03-01T00:00:00Z" }, 0)).toBe(false);
  });

  test("and those that nobody was there for are counted", () => {
    const rules = cron("0 0 1 * *", "UTC");
    expect(missedEnds(rules, Date.parse("2026-01-01T00:00:00Z"), Date.parse("2026-04-15T00:00:00Z"))).toBe(3);
    expect(missedEnds(rules, Date.parse("2026-01-01T00:00:00Z"), Date.parse("2026-01-02T00:00:00Z"))).toBe(0);
  });
});

describe("a schedule is refused that", () => {
  const refused: [string, unknown, RegExp][] = [
    ["never fires", { cron: "0 0 30 2 *", timeZone: "UTC" }, /never fires/],
    ["is no cron", { cron: "0 25 * * *", timeZone: "UTC" }, /hour/i],
    ["counts seconds", { cron: "0 0 0 1 * *", timeZone: "UTC" }, /five fields/],
    ["names no time zone", { cron: "0 0 1 * *", timeZone: "Europe/Rankwire" }, /IANA/],
    ["names an offset instead of a zone", { cron: "0 0 1 * *", timeZone: "+02:00" }, /IANA/],
    ["begins at no time", { everyWeeks: 6, from: "2026-02-30T00:00", timeZone: "UTC" }, /from is no time/],
    [
      "begins at a time of its own zone",
      { everyWeeks: 6, from: "2026-01-05T00:00Z", timeZone: "UTC" },
      /local time/,
    ],
    [
      "ends before it begins",
      { schedule: "manual", startsAt: "2026-02-01T00:00:00Z", endsAt: "2026-01-01T00:00:00Z" },
      /startsAt/,
    ],
    ["grows what it carries over", { schedule: "manual", carryOver: { rule: "decay", factor: 1.5 } }, /./],
  ];
  test.each(refused)("%s", (_, rules, message) => {
    const parsed = seasonRules.safeParse(rules);
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toMatch(message);
  });
});
