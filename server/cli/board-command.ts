/** `rankwire board`: the boards of a running server, and how they are defined. */
import { Command } from "commander";
import { fieldsText, listText } from "./answer-text.ts";
import type { ApiClient } from "./api-client.ts";
import { apiCommand, definitionOf, LINES_DEFAULT, listed, wholeNumber } from "./api-command.ts";
import { ApiFailure, refuse } from "./api-failure.ts";
import { entryCommands } from "./board-entries.ts";
import { adminPathOf, pathOf } from "./board-paths.ts";
import type { Print } from "./commands.ts";

type Board = {
  board: string;
  operator: string;
  order: string;
  layout: string;
  ties: string;
  shards: number;
  writers: string;
  visibility: string;
  season: { number: number; state: string };
};

const FIELDS =
  "Fields are those of a board in docs/api.md, as field=value: shards=4, ties=earliest, season={…}.";

export function boardCommand(print: Print): Command {
  const commands = [
    listCommand(print),
    showCommand(print),
    createCommand(print),
    patchCommand(print),
    deleteCommand(print),
    ...entryCommands(print),
  ];
  return commands.reduce((board, command) => board.addCommand(command), new Command("board"));
}

function listCommand(print: Print): Command {
  return apiCommand<{ limit?: number }>(
    "list",
    "every board, to an admin's key; to others those that they may read",
    print,
    async (api, _, { limit }) => {
      const { lines, more } = await boardsOf(api, limit);
      const head = [
        "board",
        "operator",
        "order",
        "ties",
        "layout",
        "shards",
        "writers",
        "visibility",
        "season",
      ];
      const rows = lines.map((one) => [
        one.board,
        one.operator,
        one.order,
        one.ties,
        one.layout,
        one.shards,
        one.writers,
        one.visibility,
        `${one.season.number} ${one.season.state}`,
      ]);
      return { answer: { boards: lines, more }, text: () => listText(head, rows, { more }) };
    },
  ).option("--limit <n>", "lines at most (default: 1000)", wholeNumber);
}

async function boardsOf(api: ApiClient, limit = LINES_DEFAULT): Promise<{ lines: Board[]; more: boolean }> {
  try {
    return await listed<Board>(api, { path: "/v1/admin/boards", field: "boards", limit });
  } catch (error) {
    // Who has no admin's key sees what the key, or anyone, may read.
    const status = error instanceof ApiFailure ? error.status : undefined;
    if (status !== 403 && (status !== 401 || api.hasKey)) throw error;
    const { boards } = await api.call<{ boards: Board[] }>("GET", "/v1/boards");
    return { lines: boards.slice(0, limit), more: boards.length > limit };
  }
}

function showCommand(print: Print): Command {
  return apiCommand<{ season?: number }>(
    "show <board>",
    "a board's definition, its season and how many members it has",
    print,
    async (api, [board], { season }) => {
      const answer = await api.call<object>("GET", pathOf(board), { query: { season } });
      return { answer, text: () => fieldsText(answer) };
    },
  ).option("--season <n>", "as it was in another season", wholeNumber);
}

function createCommand(print: Print): Command {
  return apiCommand<{ file?: string; replace?: boolean }>(
    "create <board> [field=value...]",
    "a new board, of a JSON file, of fields, or of a file with other fields",
    print,
    async (api, [board, ...fields], { file, replace = false }) => {
      const body = await definitionOf(file, fields);
      if (!replace && (await isThere(api, board))) {
        refuse(`The board ${board} is there.`, "Change it with `board patch`, or give --replace.");
      }
      const answer = await api.call<Board>("PUT", adminPathOf(board), { body });
      return { answer, text: () => fieldsText(answer) };
    },
  )
    .option("--file <path>", "JSON file with the definition; - is the standard input")
    .option("--replace", "also where the board is there: what is not given gets its default")
    .addHelpText("after", `\n${FIELDS}`);
}

async function isThere(api: ApiClient, board: string | undefined): Promise<boolean> {
  try {
    await api.call("GET", pathOf(board), { query: { precision: "fast" } });
    return true;
  } catch (error) {
    if (error instanceof ApiFailure && error.body.code === "board_not_found") return false;
    throw error;
  }
}

function patchCommand(print: Print): Command {
  return apiCommand<{ file?: string }>(
    "patch <board> [field=value...]",
    "change some fields of a board; rules=null takes its rules away",
    print,
    async (api, [board, ...fields], { file }) => {
      const body = await definitionOf(file, fields);
      if (Object.keys(body).length === 0) refuse("Nothing is to be changed.", "Give field=value, or --file.");
      const answer = await api.call<Board>("PATCH", adminPathOf(board), { body });
      return { answer, text: () => fieldsText(answer) };
    },
  )
    .option("--file <path>", "JSON file with the fields; - is the standard input")
    .addHelpText("after", `\n${FIELDS}`);
}

function deleteCommand(print: Print): Command {
  return apiCommand<{ confirm?: string; archive: string }>(
    "delete <board>",
    "delete a board with all that Redis has of it",
    print,
    async (api, [board], { confirm, archive }) => {
      if (confirm !== board) {
        refuse(
          "Nothing was deleted: --confirm must be the board's id once more.",
          `Give --confirm ${board}.`,
        );
      }
      const query = { confirm, archive };
      const answer = await api.call<{ removed: boolean }>("DELETE", adminPathOf(board), { query });
      const removed = answer.removed ? "all its data" : "its data goes in the background";
      return { answer, text: () => fieldsText({ ...answer, removed }) };
    },
  )
    .option("--confirm <board>", "the board's id once more, so that none is deleted by a slip")
    .option("--archive <keep|delete>", "what becomes of the database's part, past seasons too", "keep");
}
