/** The board of one run, and the clock that all VUs share. */
import http from "k6/http";
import { setTimeout } from "k6/timers";
import { adminKey, targetUrl } from "./plan.ts";
import type { ScenarioName } from "./sizes.ts";

/** k6 hands what `setup` returns to every VU. */
export type Run = { board: string; startedAtMs: number };

type Definition = {
  operator: "best" | "set" | "incr";
  columns?: { name: string; max: number }[];
  writers?: "server" | "player";
};

/**
 * A new board, so that runs do not meet. It stays on the server.
 * @throws when the server does not make it
 */
export function createBoard(scenario: ScenarioName, definition: Definition): string {
  const board = `load-${scenario}-${Date.now().toString(36)}`;
  const headers = { authorization: `Bearer ${adminKey()}`, "content-type": "application/json" };
  const url = `${targetUrl()}/v1/admin/boards/${board}`;
  const response = http.put(url, JSON.stringify(definition), { headers });
  if (response.status !== 201)
    throw new Error(`PUT ${url}: ${response.status} ${String(response.body ?? response.error)}`);
  return board;
}

export function startRun(board: string): Run {
  return { board, startedAtMs: Date.now() };
}

export function sleepMs(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(), Math.max(0, ms));
  });
}

/** Until so many ms after the start of the run. */
export function sleepUntil({ startedAtMs }: Run, ms: number): Promise<void> {
  return sleepMs(startedAtMs + ms - Date.now());
}
