/** `rankwire season`: how the seasons of a board follow each other, on a running server. */
import { Command } from "commander";
import { fieldsText, listText } from "./answer-text.ts";
import { apiCommand, definitionOf, listed, wholeNumber } from "./api-command.ts";
import { ApiFailure } from "./api-failure.ts";
import { adminPathOf, pathOf } from "./board-paths.ts";
import type { Print } from "./commands.ts";

type Season = {
  number: number;
  state: string;
  openedAt: string;
  endedAt: string | null;
  archivedAt: string | null;
  entries: number | null;
};

type Rollover = { season: number; next: { number: number; state: string }; closesAt?: string };

const SEASONS_SEEN = 10_000;

export function seasonCommand(print: Print): Command {
  return new Command("season")
    .addCommand(listCommand(print))
    .addCommand(showCommand(print))
    .addCommand(stageCommand(print))
    .addCommand(endCommand(print));
}

const seasonsOf = (board: string | undefined, limit?: number) => ({
  path: `${pathOf(board)}/seasons`,
  field: "seasons",
  limit,
});

function listCommand(print: Print): Command {
  return apiCommand<{ limit?: number }>(
    "list <board>",
    "the seasons, the newest first",
    print,
    async (api, [board], { limit }) => {
      const { lines, more } = await listed<Season>(api, seasonsOf(board, limit));
      const rows = lines.map((one) => [
        one.number,
        one.state,
        one.openedAt,
        one.endedAt,
        one.archivedAt,
        one.entries,
      ]);
      const head = ["season", "state", "opened", "ended", "archived", "entries"];
      return { answer: { board, seasons: lines, more }, text: () => listText(head, rows, { more }) };
    },
  ).option("--limit <n>", "lines at most (default: 1000)", wholeNumber);
}

function showCommand(print: Print): Command {
  return apiCommand(
    "show <board> <season>",
    "one season, with the rules that it had",
    print,
    async (api, [board, text]) => {
      const number = wholeNumber(text ?? "");
      const { lines } = await listed<Season>(api, seasonsOf(board, SEASONS_SEEN));
      const season = lines.find((one) => one.number === number);
      if (season === undefined) throw noSeason(number);
      // The next season has no entries yet, and no reads.
      const rules =
        season.state === "next"
          ? {}
          : await api.call<object>("GET", pathOf(board), { query: { season: number } });
      const answer = { ...rules, season };
      // Of a past season the rules have it as it was, open; the list says how it is.
      return { answer, text: () => fieldsText({ ...rules, season: undefined, ...season }) };
    },
  );
}

function noSeason(number: number): ApiFailure {
  const message = `The board has no season ${number}.`;
  return new ApiFailure(
    { code: "season_not_found", message, remediation: "See `rankwire season list`.", retryable: false },
    404,
  );
}

function stageCommand(print: Print): Command {
  return apiCommand<{ file?: string }>(
    "stage <board> [field=value...]",
    "the whole definition that holds from the next season on; what is not given gets its default",
    print,
    async (api, [board, ...fields], { file }) => {
      const call = { query: { at: "rollover" }, body: await definitionOf(file, fields) };
      const answer = await api.call<object>("PUT", adminPathOf(board), call);
      return { answer, text: () => fieldsText(answer) };
    },
  ).option("--file <path>", "JSON file with the definition; - is the standard input");
}

function endCommand(print: Print): Command {
  return apiCommand<{ season?: number; file?: string }>(
    "end <board>",
    "end the season and begin the next one, a few seconds later and without a gap",
    print,
    async (api, [board], { season, file }) => {
      const definition = file === undefined ? undefined : await definitionOf(file, []);
      const path = `${adminPathOf(board)}/rollover`;
      // With the season's number it ends no other one, however often it is sent.
      const call = { body: { season, definition }, repeatable: season !== undefined };
      const answer = await api.call<Rollover>("POST", path, call);
      return { answer, text: () => fieldsText(answer) };
    },
  )
    .option(
      "--season <n>",
      "the one that shall end: so a command that is repeated ends no other",
      wholeNumber,
    )
    .option(
      "--file <path>",
      "JSON file with the next season's definition (default: what is staged, or as now)",
    );
}
