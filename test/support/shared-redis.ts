/** The one Redis that all test files share. Names keep them apart, so nobody may flush it. */
import { randomBytes } from "node:crypto";
import { inject } from "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    redisUrl: string;
    testRunFolder: string;
  }
}

export function sharedRedisUrl(): string {
  return inject("redisUrl");
}

/** A temporary folder that is removed, and whose Redis processes are ended, when the run is over. */
export function testRunFolder(): string {
  return inject("testRunFolder");
}

/** A board's name that no other test has, in this run or another. @param prefix at most 40 letters, digits, _ or - */
export function uniqueBoard(prefix: string): string {
  return `${prefix}-${randomBytes(8).toString("hex")}`;
}
