/**
 * The one Redis that all test files share, a database for each: whole servers look after every board that they find, and must not find
 * those of another file. Channels are not kept apart, names are; nobody may flush it.
 */
import { randomBytes } from "node:crypto";
import { expect, inject } from "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    redisUrl: string;
    testRunFolder: string;
    /** Test file → its database. */
    databases: Record<string, number>;
  }
}

/** Of the test file that is running. */
export function sharedRedisUrl(): string {
  const file = expect.getState().testPath ?? "";
  const database = inject("databases")[file];
  if (database === undefined)
    throw new Error(`${file || "this file"} has no database; is it a *.test.ts below test/?`);
  return `${inject("redisUrl")}/${database}`;
}

/** A temporary folder that is removed, and whose Redis processes are ended, when the run is over. */
export function testRunFolder(): string {
  return inject("testRunFolder");
}

/** A board's name that no other test has, in this run or another. @param prefix at most 40 letters, digits, _ or - */
export function uniqueBoard(prefix: string): string {
  return `${prefix}-${randomBytes(8).toString("hex")}`;
}
