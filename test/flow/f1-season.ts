/** A Formula 1 season as submissions, race by race, with the official standings to hold the board to. */
import { readFileSync } from "node:fs";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";

export type Season = 2008 | 2012 | 2021;

type Result = { driver: string; position: number | string; points: number };
export type Race = {
  round: number;
  grandPrix: string;
  results: Result[];
  sprint: Result[];
  standings: { driver: string; position: number; points: number }[];
};

export type DriverSubmission = {
  member: string;
  score: number;
  columns: Record<string, number>;
  id: string;
};

/** Equal points are decided by the most wins, then the most second places, and so on. */
export const COUNT_BACK = ["wins", "seconds", "thirds", "fourths", "fifths", "sixths", "sevenths"] as const;

/** 13.3 bits of points (half points were awarded in 2021) and 7 × 4.95 of places: 48 of 53. */
export const STANDINGS: BoardDefinition = {
  operator: "incr",
  order: "desc",
  columns: [
    { name: "points", decimals: 1, max: 1000 },
    ...COUNT_BACK.map((name) => ({ name, decimals: 0, max: 30 })),
  ],
  ties: "shared",
  writers: "server",
  shards: 4,
};

export function racesOf(season: Season): Race[] {
  const file = new URL(`../fixtures/f1/${season}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { races: Race[] }).races;
}

/** What every driver of a race gained: points of the race and its sprint; only the race counts back. */
export function submissionsOf(season: Season, { round, results, sprint }: Race): DriverSubmission[] {
  const points = new Map<string, number>();
  for (const result of [...results, ...sprint]) {
    points.set(result.driver, (points.get(result.driver) ?? 0) + result.points);
  }
  const places = new Map(results.map(({ driver, position }) => [driver, position]));
  return [...points].map(([driver, score]) => {
    const place = places.get(driver);
    const column = typeof place === "number" ? COUNT_BACK[place - 1] : undefined;
    return {
      member: driver,
      score,
      columns: column === undefined ? {} : { [column]: 1 },
      id: `${season}-r${round}-${driver}`,
    };
  });
}

/** Score first, then the count-back columns: as the naive model takes them. */
export function valuesOf({ score, columns }: Pick<DriverSubmission, "score" | "columns">): number[] {
  return [score, ...COUNT_BACK.map((name) => columns[name] ?? 0)];
}
