/** Boards from a JSON file, created at start; what is there already stays as it is, and what was deleted stays so. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { boardDefinition, boardFrom, boardId } from "./board-schema.ts";
import type { Registry } from "./registry.ts";

const boardsFile = z.record(boardId, boardDefinition);

/** @throws Error when the file is not one, AppError board_locked when a board is there with other fixed rules */
export async function createBoardsFrom(file: string, registry: Registry): Promise<string[]> {
  const parsed = boardsFile.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success) throw new Error(`${file} is not a boards file:\n${z.prettifyError(parsed.error)}`);
  const boards = Object.entries(parsed.data).map(([id, definition]) => boardFrom(id, definition));
  for (const board of boards) if (!registry.gone.has(board.id)) await registry.put(board);
  return boards.map(({ id }) => id);
}
