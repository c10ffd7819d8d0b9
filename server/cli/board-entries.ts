/** `rankwire board top | rank | around | submit`: the entries of a board. */
import type { Command } from "commander";
import { newId } from "../base/ids.ts";
import { columnsText, fieldsText } from "./answer-text.ts";
import { apiCommand, jsonFile, type Shown, valuesOf, wholeNumber } from "./api-command.ts";
import { refuse } from "./api-failure.ts";
import { memberPathOf, pathOf } from "./board-paths.ts";
import type { Print } from "./commands.ts";

type Entry = { rank?: number; member: string; score: number; columns?: Record<string, number | string> };
type Entries = { board: string; season: number; total: number; entries: Entry[]; cursor?: string };
type Result = { outcome: string; score?: number; error?: { code: string; message: string } };
type Submitted = { results: Result[]; counts: Record<string, number> };
type OfSeason = { season?: number };

/** Of one call to the server: `SUBMISSIONS_MAX` says how many it takes. */
const SUBMISSIONS_OF_A_CALL = 1_000;

export function entryCommands(print: Print): Command[] {
  return [topCommand(print), rankCommand(print), aroundCommand(print), submitCommand(print)];
}

function seasonOption(command: Command): Command {
  return command.option("--season <n>", "in another season than the present one", wholeNumber);
}

function topCommand(print: Print): Command {
  const command = apiCommand<OfSeason & { limit?: number; offset?: number; cursor?: string }>(
    "top <board>",
    "the best entries",
    print,
    async (api, [board], { limit, offset, cursor, season }) => {
      const query = { limit, offset, cursor, season };
      return entriesShown(await api.call<Entries>("GET", `${pathOf(board)}/top`, { query }));
    },
  );
  return seasonOption(command)
    .option("--limit <n>", "entries of a page (default: 20)", wholeNumber)
    .option("--offset <n>", "leave out so many of the best", wholeNumber)
    .option("--cursor <cursor>", "go on where another page ended, at any depth");
}

function rankCommand(print: Print): Command {
  const command = apiCommand<OfSeason & { fast?: boolean }>(
    "rank <board> <member>",
    "a member's entry and rank, exactly",
    print,
    async (api, [board, member], { season, fast }) => {
      const query = { season, precision: fast ? "fast" : undefined };
      const answer = await api.call<object>("GET", memberPathOf(board, member), { query });
      return { answer, text: () => fieldsText(answer) };
    },
  );
  return seasonOption(command).option("--fast", "from the rank index, with the error that it states");
}

function aroundCommand(print: Print): Command {
  const command = apiCommand<OfSeason & { limit?: number }>(
    "around <board> <member>",
    "the entries round a member",
    print,
    async (api, [board, member], { limit, season }) => {
      const query = { limit, season };
      return entriesShown(await api.call<Entries>("GET", `${memberPathOf(board, member)}/around`, { query }));
    },
  );
  return seasonOption(command).option("--limit <n>", "entries, at most 101 (default: 11)", wholeNumber);
}

function entriesShown(answer: Entries): Shown {
  const { entries, total, cursor } = answer;
  const names = Object.keys(entries[0]?.columns ?? {});
  const rows = entries.map(({ rank, member, score, columns = {} }) => [
    rank,
    member,
    score,
    ...names.map((name) => columns[name]),
  ]);
  const next = cursor === undefined ? "" : `\nnext page: --cursor ${cursor}`;
  const text = (): string =>
    `${columnsText(["rank", "member", "score", ...names], rows)}\n${total} in all${next}`;
  return { answer, text };
}

function submitCommand(print: Print): Command {
  return apiCommand<{ id?: string; column?: string[]; file?: string }>(
    "submit <board> [member] [score]",
    "submit a score, or the submissions of a JSON file; ends with 1 if one was rejected",
    print,
    async (api, [board, member, score], { id = newId(), column = [], file }) => {
      const submissions =
        file === undefined ? [oneSubmission(member, score, id, column)] : await submissionsOf(file);
      // An id makes that a call which is repeated counts once.
      const call = { body: { submissions }, repeatable: true };
      const answer = await api.call<Submitted>("POST", `${pathOf(board)}/scores`, call);
      const rows = answer.results.map(({ outcome, score: now, error }, i) => {
        const { member: whose } = submissions[i] as { member?: unknown };
        return [whose, outcome, now, error?.code, error?.message];
      });
      const failed = answer.results.some(({ outcome }) => outcome === "rejected");
      const head = ["member", "outcome", "score", "error", "why"];
      return { answer, text: () => columnsText(head, rows), failed };
    },
  )
    .option("--id <id>", "of the submission: the same one counts once (default: a new one)")
    .option("--column <name=value...>", "values of further columns")
    .option("--file <path>", "JSON list of {member, score, id?, columns?}; - is the standard input");
}

function oneSubmission(
  member: string | undefined,
  score: string | undefined,
  id: string,
  columns: readonly string[],
): object {
  const value = Number(score);
  if (member === undefined || score === undefined || score.trim() === "" || Number.isNaN(value)) {
    refuse("A member and a score are missing.", "rankwire board submit <board> <member> <score>, or --file.");
  }
  return { member, score: value, id, ...(columns.length > 0 ? { columns: valuesOf(columns) } : {}) };
}

/** Each with an id, so that the call may be repeated. @throws ApiFailure usage */
async function submissionsOf(file: string): Promise<object[]> {
  const list = await jsonFile(file);
  const isList = Array.isArray(list) && list.every((one) => typeof one === "object" && one !== null);
  if (!isList) refuse(`${file} does not hold a list of submissions.`, "[{member, score, id?, columns?}, …]");
  if (list.length > SUBMISSIONS_OF_A_CALL) {
    refuse(
      `${list.length} submissions are too many for one call.`,
      `At most ${SUBMISSIONS_OF_A_CALL}; see also \`rankwire import\`.`,
    );
  }
  return list.map((one: object) => ({ id: newId(), ...one }));
}
