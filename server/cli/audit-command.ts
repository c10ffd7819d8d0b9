/** `rankwire audit`: the audit trail of a running server. */
import type { Command } from "commander";
import { listText } from "./answer-text.ts";
import { apiCommand, listed, wholeNumber } from "./api-command.ts";
import type { Print } from "./commands.ts";

type AuditRecord = {
  at: string;
  actor: string;
  action: string;
  outcome: string | null;
  board: string | null;
  season: number | null;
  member: string | null;
  reason: string | null;
};

type Options = {
  board?: string;
  member?: string;
  actor?: string;
  action?: string;
  since?: string;
  until?: string;
  limit?: number;
};

const HEAD = ["at", "actor", "action", "outcome", "board", "season", "member", "reason"];

export function auditCommand(print: Print): Command {
  return apiCommand<Options>("audit", "", print, async (api, _, options) => {
    const { board, member, actor, action, since, until, limit = 100 } = options;
    const query = { board, member, actor, action, since, until };
    const found = await listed<AuditRecord>(api, { path: "/v1/admin/audit", field: "records", query, limit });
    const { lines, more } = found;
    const rows = lines.map((record) => [
      record.at,
      record.actor,
      record.action,
      record.outcome ?? "not known",
      record.board,
      record.season,
      record.member,
      record.reason,
    ]);
    return { answer: { records: lines, more }, text: () => listText(HEAD, rows, { more }) };
  })
    .option("--board <id>", "of one board")
    .option("--member <member>", "of one member")
    .option("--actor <id>", "of one key")
    .option("--action <action>", "of one kind, such as member.hide")
    .option("--since <time>", "from this time on, ISO 8601")
    .option("--until <time>", "before this time, ISO 8601")
    .option("--limit <n>", "lines at most (default: 100)", wholeNumber);
}
