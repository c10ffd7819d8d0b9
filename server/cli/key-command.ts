/** `rankwire key`: the API keys of a running server. A key itself is shown once, by `create` and `rotate`. */
import { Command } from "commander";
import { columnsText, fieldsText, listText } from "./answer-text.ts";
import { apiCommand, listed, wholeNumber } from "./api-command.ts";
import type { Print } from "./commands.ts";

type Key = {
  id: string;
  name: string;
  role: string;
  scopes: string[];
  createdAt: string;
  previousUntil: string | null;
  revokedAt: string | null;
};
type NewKey = Key & { key: string };

const PATH = "/v1/admin/keys";

export function keyCommand(print: Print): Command {
  return new Command("key")
    .addCommand(listCommand(print))
    .addCommand(createCommand(print))
    .addCommand(rotateCommand(print))
    .addCommand(
      apiCommand("revoke <id>", "a key that works nowhere any more", print, async (api, [id = ""]) => {
        const answer = await api.call<Key>("DELETE", `${PATH}/${encodeURIComponent(id)}`);
        return { answer, text: () => fieldsText(answer) };
      }),
    );
}

function listCommand(print: Print): Command {
  return apiCommand<{ limit?: number }>(
    "list",
    "the keys, the newest first, revoked ones too",
    print,
    async (api, _, { limit }) => {
      const { lines, more } = await listed<Key>(api, { path: PATH, field: "keys", limit });
      const rows = lines.map(({ id, name, role, scopes, createdAt, previousUntil, revokedAt }) => {
        const state = revokedAt === null ? (previousUntil === null ? "works" : "rotated") : "revoked";
        return [id, name, role, scopes, createdAt, state];
      });
      const head = ["id", "name", "role", "boards", "created", "state"];
      return { answer: { keys: lines, more }, text: () => listText(head, rows, { more }) };
    },
  ).option("--limit <n>", "lines at most (default: 1000)", wholeNumber);
}

function createCommand(print: Print): Command {
  return apiCommand<{ role: string; board?: string[] }>(
    "create <name>",
    "a new key, which is shown this once",
    print,
    async (api, [name], { role, board: scopes = [] }) => {
      const answer = await api.call<NewKey>("POST", PATH, { body: { name, role, scopes } });
      return { answer, text: () => newKeyText(answer) };
    },
  )
    .requiredOption("--role <role>", "read, server or admin")
    .option("--board <id...>", "boards that it may touch: ids, or prefixes that end in * (default: all)");
}

function rotateCommand(print: Print): Command {
  return apiCommand<{ overlapMs?: number }>(
    "rotate <id>",
    "a new key in place of the old one, which is shown this once",
    print,
    async (api, [id = ""], { overlapMs }) => {
      const path = `${PATH}/${encodeURIComponent(id)}/rotate`;
      const answer = await api.call<NewKey>("POST", path, { body: { overlapMs } });
      return { answer, text: () => newKeyText(answer) };
    },
  ).option("--overlap-ms <ms>", "how long the old one works beside it, at most 30 days", wholeNumber);
}

/** The key on a line of its own, so that it is easily taken. */
function newKeyText({ key, id, name, role, scopes, previousUntil }: NewKey): string {
  const head = ["id", "name", "role", "boards", "the old one works until"];
  const about = columnsText(head, [[id, name, role, scopes, previousUntil]]);
  return `${key}\n\nKeep it now: it is not shown again.\n\n${about}`;
}
