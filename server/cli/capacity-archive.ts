/** The archive's part of the plan: what boards take on the database's disk, present entries, past seasons and the score log. */
import { ID_BYTES, UNITS } from "./capacity-constants.ts";
import type { CapacityPart, CapacityQuestion } from "./capacity-plan.ts";

const SECONDS_OF_A_DAY = 86_400;
/** An id is in the row and in one index of it. */
const COPIES = 2;

/** @param question whole numbers, none negative */
export function archiveParts(question: CapacityQuestion): CapacityPart[] {
  const { members, seasons, meanRate, logDays, columns, wide, idBytes } = question;
  // On a wide board all columns but the first are behind the key.
  const behind = wide ? Math.max(0, columns - 1) : 0;
  const longer = COPIES * Math.max(0, idBytes - ID_BYTES);
  const row = (
    part: string,
    unit: string,
    units: number,
    name: "current" | "final" | "log",
  ): CapacityPart => {
    const unitBytes = UNITS[`${name}Row`].bytes + behind * UNITS[`${name}Rest`].bytes + longer;
    return { store: "postgresql", part, unit, units, unitBytes, bytes: Math.round(units * unitBytes) };
  };
  return [
    row("present entries", "member", members, "current"),
    row("past seasons", "entry", members * seasons, "final"),
    row("score log", "change", meanRate * SECONDS_OF_A_DAY * logDays, "log"),
  ];
}
