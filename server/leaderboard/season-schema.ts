/** How a board's seasons follow each other, as people write it: by hand, by cron, or every so many weeks. */
import { z } from "zod";
import { nextEnd } from "./season-schedule.ts";

/** What the next season begins with: nothing, the entries of the last one, or these times a factor. */
const carryOver = z.union([
  z.strictObject({ rule: z.enum(["none", "keep"]) }),
  z.strictObject({ rule: z.literal("decay"), factor: z.number().gt(0).lt(1) }),
]);

const instant = z.iso.datetime({ offset: true });
const timeZone = z.string().min(1).max(64).refine(isTimeZone, "is no IANA time zone, such as Europe/Berlin");

const common = {
  /** When the board's first season opens, or since when it has been open, and when its last one ends. */
  startsAt: instant.exactOptional(),
  endsAt: instant.exactOptional(),
  carryOver: carryOver.exactOptional(),
  /** How long what arrived before the end may still drain into the season that is over. */
  graceMs: z.int().min(0).max(600_000).exactOptional(),
};

const manual = z.strictObject({ schedule: z.literal("manual"), ...common });
const byCron = z.strictObject({
  cron: z
    .string()
    .max(100)
    .regex(/^\S+(?:\s+\S+){4}$/, "must have five fields: minute hour day month weekday"),
  timeZone,
  ...common,
});
const byWeeks = z.strictObject({
  everyWeeks: z.int().min(1).max(520),
  /** Wall time in the zone, of the first end of a season or of any later one. */
  from: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?$/, "must be local time, such as 2026-01-05T00:00"),
  timeZone,
  ...common,
});

export const seasonRules = z.union([manual, byCron, byWeeks]).superRefine((rules, context) => {
  const problem = problemOf(rules);
  if (problem) context.addIssue({ code: "custom", message: problem });
});

export type SeasonRules = z.output<typeof seasonRules>;
export type CarryOver = z.output<typeof carryOver>;

function problemOf(rules: SeasonRules): string | undefined {
  const { startsAt, endsAt } = rules;
  if (startsAt !== undefined && endsAt !== undefined && Date.parse(startsAt) >= Date.parse(endsAt)) {
    return "startsAt must be before endsAt";
  }
  if (!("timeZone" in rules) || !isTimeZone(rules.timeZone)) return undefined;
  const { endsAt: _, ...endless } = rules;
  try {
    const ends = nextEnd(endless as SeasonRules, startsAt === undefined ? Date.now() : Date.parse(startsAt));
    return ends === undefined ? "never fires" : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}
