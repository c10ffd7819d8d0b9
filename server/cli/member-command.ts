/** `rankwire member`: moderation on a running server. Every change says why, and is in the audit trail. */
import { Command } from "commander";
import { fieldsText, listText } from "./answer-text.ts";
import { apiCommand, listed, valuesOf, wholeNumber } from "./api-command.ts";
import { refuse } from "./api-failure.ts";
import { adminMemberPathOf, adminPathOf } from "./board-paths.ts";
import type { Print } from "./commands.ts";

type Entry = { sight: string; score?: number; columns?: object } | null;
type Moderated = { board: string; season: number; member: string; before: Entry; after: Entry };
type Ban = { member: string; mode: string; until: string | null; reason: string | null; state: string };
type HiddenMember = { member: string; score?: number; here: string; ban: string };
type OfEntry = { reason: string; season?: number };

/** Beside `adjust`, which takes values too. */
const CHANGES = {
  hide: "nobody sees the entry any more; the player sees the own score as hidden",
  shadow: "nobody else sees the entry any more, and the player is not told",
  show: "undo hide and shadow; a ban goes on",
  remove: "delete the entry; in an archived season it is hidden",
  restore: "put back what was removed last",
};

export function memberCommand(print: Print): Command {
  const commands = [
    ...Object.entries(CHANGES).map(([action, about]) => changeCommand(action, about, print)),
    adjustCommand(print),
    hiddenCommand(print),
    banCommand(print),
    liftCommand(print),
    bansCommand(print),
  ];
  return commands.reduce((member, command) => member.addCommand(command), new Command("member"));
}

function ofEntry(command: Command): Command {
  return command
    .requiredOption("--reason <text>", "why, for the audit trail")
    .option("--season <n>", "in another season than the present one", wholeNumber);
}

function changeCommand(action: string, about: string, print: Print): Command {
  const usage = `${action} <board> <member>`;
  const command = apiCommand<OfEntry>(usage, about, print, async (api, [board, member], options) => {
    const { reason, season } = options;
    const path = `${adminMemberPathOf(board, member)}/${action}`;
    const answer = await api.call<Moderated>("POST", path, { query: { season }, body: { reason } });
    return { answer, text: () => fieldsText(answer) };
  });
  return ofEntry(command);
}

function adjustCommand(print: Print): Command {
  const command = apiCommand<OfEntry & { column?: string[] }>(
    "adjust <board> <member> <score>",
    "give the entry these values, whatever the board's operator and rules",
    print,
    async (api, [board, member, text = ""], { reason, season, column = [] }) => {
      const score = Number(text);
      if (text.trim() === "" || Number.isNaN(score)) refuse(`${text} is not a score.`, "It is a number.");
      const columns = column.length > 0 ? { columns: valuesOf(column) } : {};
      const path = `${adminMemberPathOf(board, member)}/adjust`;
      const body = { reason, score, ...columns };
      const answer = await api.call<Moderated>("POST", path, { query: { season }, body });
      return { answer, text: () => fieldsText(answer) };
    },
  );
  return ofEntry(command).option("--column <name=value...>", "values of further columns");
}

function hiddenCommand(print: Print): Command {
  return apiCommand<{ season?: number; limit?: number }>(
    "hidden <board>",
    "who is hidden on a board, in no order",
    print,
    async (api, [board], { season, limit }) => {
      const list = {
        path: `${adminPathOf(board)}/members/hidden`,
        field: "members",
        query: { season },
        limit,
      };
      const { lines, more } = await listed<HiddenMember>(api, list);
      const rows = lines.map(({ member, score, here, ban }) => [member, score, here, ban]);
      const head = ["member", "score", "on the board", "by a ban"];
      return { answer: { board, members: lines, more }, text: () => listText(head, rows, { more }) };
    },
  )
    .option("--season <n>", "in another season than the present one", wholeNumber)
    .option("--limit <n>", "lines at most (default: 1000)", wholeNumber);
}

const banPathOf = (member = ""): string => `/v1/admin/bans/${encodeURIComponent(member)}`;

function banCommand(print: Print): Command {
  return apiCommand<{ mode: string; until?: string; reason: string }>(
    "ban <member>",
    "ban a member from every board, those to come too",
    print,
    async (api, [member], { mode, until, reason }) => {
      const answer = await api.call<Ban>("PUT", banPathOf(member), { body: { mode, until, reason } });
      return { answer, text: () => fieldsText(answer) };
    },
  )
    .option("--mode <mode>", "hide refuses submissions, shadow takes them without a sign", "hide")
    .option("--until <time>", "ISO 8601 (default: until it is lifted)")
    .requiredOption("--reason <text>", "why, for the audit trail");
}

function liftCommand(print: Print): Command {
  return apiCommand<{ reason?: string }>(
    "lift <member>",
    "lift a ban; what it hid is shown again, board by board",
    print,
    async (api, [member], { reason }) => {
      const answer = await api.call<Ban>("DELETE", banPathOf(member), { body: { reason } });
      return { answer, text: () => fieldsText(answer) };
    },
  ).option("--reason <text>", "why, for the audit trail");
}

function bansCommand(print: Print): Command {
  return apiCommand<{ limit?: number }>(
    "bans",
    "the bans, the newest first",
    print,
    async (api, _, { limit }) => {
      const { lines, more } = await listed<Ban>(api, { path: "/v1/admin/bans", field: "bans", limit });
      const rows = lines.map(({ member, mode, until, state, reason }) => [
        member,
        mode,
        state,
        until,
        reason,
      ]);
      const head = ["member", "mode", "state", "until", "reason"];
      return { answer: { bans: lines, more }, text: () => listText(head, rows, { more }) };
    },
  ).option("--limit <n>", "lines at most (default: 1000)", wholeNumber);
}
