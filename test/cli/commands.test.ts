/** The commands that call a running server, against a real one with a database. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMMANDS, programFor } from "../../server/cli/commands.ts";
import { reportText } from "../../server/cli/rebuild-command.ts";
import { newEmbeddedFolder } from "../support/embedded-template.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";
import { asProcess, fileOf, inProcess } from "./rankwire.ts";

let server: TestServer;
let as: { admin: string[]; game: string[]; anyone: string[] };
beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), {
    ROLES: "gateway,merger,seasons",
    SEASON_PREOPEN_MS: "500",
    DATA_DIR: await newEmbeddedFolder(),
  });
  const url = ["--url", server.url];
  // PGlite is opened at the first question, which may take longer than a question may.
  const asked = async () => server.call("GET", "/v1/admin/keys", { key: ADMIN_KEY });
  await eventually(async () => expect((await asked()).status).toBe(200), { withinMs: 50_000 });
  as = {
    admin: [...url, "--key-file", fileOf(`${ADMIN_KEY}\n`)],
    game: [...url, "--key-file", fileOf(SERVER_KEY)],
    anyone: url,
  };
}, 60_000);
afterAll(() => server.stop());

/** The JSON that a command of an admin's prints. */
async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { out, err, code } = await inProcess(...args, "--json", ...as.admin);
  expect([err, code], args.join(" ")).toEqual(["", 0]);
  return JSON.parse(out) as Record<string, unknown>;
}

describe("rankwire board", () => {
  test("makes a board of a file and of fields, and never replaces one unasked", async () => {
    const file = fileOf('{"operator": "incr", "shards": 2}');
    const made = await json(
      "board",
      "create",
      "race",
      "shards=4",
      "ties=earliest",
      "endsAt=2100-01-01T00:00:00Z",
      "--file",
      file,
    );
    expect(made).toMatchObject({ board: "race", operator: "incr", shards: 4, ties: "earliest" });
    const again = await inProcess("board", "create", "race", "operator=best", ...as.admin);
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining("The board race is there.") });
    expect((await json("board", "show", "race")).operator).toBe("incr");
    expect(
      await json(
        "board",
        "create",
        "race",
        "operator=incr",
        "shards=4",
        "ties=earliest",
        "endsAt=2100-01-01T00:00:00Z",
        "topSize=10",
        "--replace",
      ),
    ).toMatchObject({ topSize: 10 });
  });

  test("changes some fields, and says why the server refuses one", async () => {
    expect(await json("board", "patch", "race", "topSize=20", 'rules={"maxChange":100}')).toMatchObject({
      topSize: 20,
      rules: { maxChange: 100 },
    });
    expect(await json("board", "patch", "race", "rules=null")).not.toHaveProperty("rules");
    const locked = await inProcess("board", "patch", "race", "shards=8", ...as.admin);
    expect(locked.code).toBe(1);
    expect(locked.err).toMatch(/^board_locked: .+\n.+season stage.+\ndetails: .+\nrequest: .+$/);
    expect((await inProcess("board", "patch", "race", "shards", ...as.admin)).err).toContain(
      "is not field=value",
    );
    expect((await inProcess("board", "patch", "race", ...as.admin)).err).toContain(
      "Nothing is to be changed.",
    );
  });

  test("submits, and reads back the top, a rank and what lies around", async () => {
    const sent = await json("board", "submit", "race", "ann", "50", "--id", "once");
    expect(sent).toMatchObject({ results: [{ outcome: "accepted" }] });
    const repeated = await json("board", "submit", "race", "ann", "50", "--id", "once");
    expect(repeated).toMatchObject({ results: [{ outcome: "duplicate" }] });
    const file = fileOf('[{"member":"bob","score":30},{"member":"cid","score":40}]');
    expect(await json("board", "submit", "race", "--file", file)).toMatchObject({ counts: { accepted: 2 } });
    expect(await json("board", "rank", "race", "cid")).toMatchObject({ rank: 2, score: 40, exact: true });
    await expect.poll(async () => (await json("board", "top", "race")).total, { timeout: 10_000 }).toBe(3);
    const top = await inProcess("board", "top", "race", "--limit", "2", ...as.anyone);
    expect(top.out).toMatch(
      /^rank +member +score\n1 +ann +50\n2 +cid +40\n3 in all\nnext page: --cursor \S+$/,
    );
    const cursor = top.out.split(" ").at(-1)!;
    expect(await json("board", "top", "race", "--cursor", cursor)).toMatchObject({
      entries: [{ member: "bob" }],
    });
    expect((await inProcess("board", "around", "race", "bob", ...as.anyone)).out).toContain(
      "3     bob     30",
    );
  });

  test("ends with 1 where a submission was rejected, and shows the reason", async () => {
    const { out, code } = await inProcess("board", "submit", "race", "ann", "-1000", ...as.game);
    expect(code).toBe(1);
    expect(out).toMatch(/ann +rejected +\S+ +out_of_range/);
    expect((await inProcess("board", "submit", "race", "ann", "many", ...as.game)).err).toContain("missing");
  });

  test("lists every board to an admin, over pages, and to others what they may read", async () => {
    await json("board", "create", "secret", "operator=best", "visibility=private");
    const ids = async (...args: string[]) =>
      JSON.parse((await inProcess("board", "list", "--json", ...args)).out).boards.map(
        (one: { board: string }) => one.board,
      );
    expect(await ids(...as.admin)).toEqual(["race", "secret"]);
    expect(await ids(...as.game)).toEqual(["race", "secret"]);
    expect(await ids(...as.anyone)).toEqual(["race"]);
    expect(await json("board", "list", "--limit", "1")).toMatchObject({
      boards: [{ board: "race" }],
      more: true,
    });
    expect((await inProcess("board", "list", "--limit", "1", ...as.admin)).out).toMatch(
      /^board +operator.*\nrace +incr.*\n… and more: --limit$/,
    );
  });

  test("deletes a board whose id is given once more, and no other", async () => {
    await json("board", "create", "gone", "operator=best");
    const slip = await inProcess("board", "delete", "gone", "--confirm", "race", ...as.admin);
    expect(slip).toMatchObject({ code: 1, err: expect.stringContaining("Nothing was deleted") });
    expect(await json("board", "show", "gone")).toMatchObject({ board: "gone" });
    expect(await json("board", "delete", "gone", "--confirm", "gone")).toMatchObject({
      board: "gone",
      deleted: true,
    });
    const gone = await inProcess("board", "show", "gone", ...as.admin);
    expect(gone.err).toMatch(/^board_not_found: .+\n.*rankwire board create/);
  });
});

describe("rankwire key, member, season and audit", () => {
  test("a key is made, shown once, rotated and revoked", async () => {
    const made = await json("key", "create", "game one", "--role", "server", "--board", "race", "daily-*");
    expect(made).toMatchObject({ name: "game one", role: "server", scopes: ["race", "daily-*"] });
    const shown = await inProcess("key", "rotate", String(made.id), "--overlap-ms", "60000", ...as.admin);
    const [key = ""] = shown.out.split("\n");
    expect(key.length).toBeGreaterThan(20);
    expect(
      (await server.call("POST", "/v1/boards/race/scores", { key, body: { submissions: [] } })).status,
    ).not.toBe(401);
    const row = async () =>
      (await inProcess("key", "list", ...as.admin)).out
        .split("\n")
        .find((line) => line.startsWith(String(made.id)));
    expect(await row()).toMatch(/game one +server +race,daily-\* .+ rotated$/);
    await json("key", "revoke", String(made.id));
    expect(await row()).toMatch(/revoked$/);
    expect((await inProcess("key", "list", ...as.game)).err).toMatch(/^forbidden: /);
    expect((await inProcess("key", "list", ...as.anyone)).err).toContain("RANKWIRE_KEY");
    const revoked = ["--url", server.url, "--key-file", fileOf(key)];
    const refused = async () => (await inProcess("key", "list", ...revoked)).err;
    await expect.poll(refused, { timeout: 20_000 }).toMatch(/^unauthorized: .+\nPut a key that works/);
  });

  test("a member is hidden, shown, adjusted, removed, restored and banned, and the trail says why", async () => {
    const why = ["--reason", "a test of the commands"];
    const change = (...args: string[]) => json("member", ...args, ...why);
    await json("board", "create", "judged", "operator=best");
    await json("board", "submit", "judged", "eve", "70");
    expect(await change("hide", "judged", "eve")).toMatchObject({
      before: { sight: "visible" },
      after: { sight: "hidden" },
    });
    expect(await json("member", "hidden", "judged")).toMatchObject({
      members: [{ member: "eve", here: "hidden" }],
    });
    expect(await change("show", "judged", "eve")).toMatchObject({ after: { sight: "visible" } });
    expect(await change("adjust", "judged", "eve", "7")).toMatchObject({ after: { score: 7 } });
    expect(await change("remove", "judged", "eve")).toMatchObject({ after: null });
    expect(await change("restore", "judged", "eve")).toMatchObject({ after: { score: 7 } });
    expect(await change("ban", "eve", "--mode", "shadow")).toMatchObject({ mode: "shadow" });
    expect((await inProcess("member", "bans", ...as.admin)).out).toMatch(/eve +shadow/);
    expect(await json("member", "lift", "eve")).toMatchObject({ member: "eve" });
    const actions = async () =>
      ((await json("audit", "--member", "eve")).records as { action: string }[]).map(({ action }) => action);
    const done = [
      "ban.lift",
      "ban.put",
      "member.restore",
      "member.remove",
      "member.adjust",
      "member.show",
      "member.hide",
    ];
    await expect.poll(actions, { timeout: 20_000 }).toEqual(done);
    const shown = await inProcess("audit", "--action", "member.hide", "--limit", "1", ...as.admin);
    expect(shown.out).toMatch(/ADMIN_KEY +member\.hide +done +judged +1 +eve +a test of the commands/);
  });

  test("the next season's rules are staged, the season is ended, and both are shown", async () => {
    await json("board", "create", "laps", "operator=best");
    expect(await json("season", "stage", "laps", "operator=incr")).toMatchObject({ staged: true });
    expect(await json("season", "end", "laps", "--season", "1")).toMatchObject({
      season: 1,
      next: { number: 2 },
    });
    const states = async () =>
      ((await json("season", "list", "laps")).seasons as { number: number; state: string }[]).map(
        ({ number, state }) => `${number} ${state}`,
      );
    await expect.poll(states, { timeout: 20_000 }).toEqual(["2 open", "1 closing"]);
    expect(await json("season", "show", "laps", "1")).toMatchObject({
      operator: "best",
      season: { state: "closing" },
    });
    expect(await json("season", "show", "laps", "2")).toMatchObject({
      operator: "incr",
      season: { state: "open" },
    });
    expect((await inProcess("season", "show", "laps", "1", ...as.admin)).out).not.toMatch(/^season /m);
    expect((await inProcess("season", "show", "laps", "9", ...as.admin)).err).toMatch(/^season_not_found: /);
    const ended = await inProcess("season", "end", "laps", "--season", "1", ...as.admin);
    expect(ended.err).toMatch(/^season_closed: .+\nSee `rankwire season list`/);
  });
});

describe("rankwire as a process", () => {
  test("takes its server and key from the environment; what fails is on stderr, as text or JSON, with exit code 1", async () => {
    const env = { RANKWIRE_URL: server.url, RANKWIRE_KEY: ADMIN_KEY };
    const [fine, failed, refused, unsaid, help] = await Promise.all([
      asProcess(env, "board", "show", "race", "--json"),
      asProcess({ ...env, NODE_ENV: "production" }, "board", "show", "nowhere", "--json"),
      asProcess(env, "board", "list", "--key", "my-secret-key"),
      asProcess(env, "member", "hide", "race", "ann", "--json"),
      asProcess(env, "member", "hide", "--help"),
    ]);
    expect([fine.err, fine.code]).toEqual(["", 0]);
    expect(JSON.parse(fine.out)).toMatchObject({ board: "race" });
    expect([failed.out, failed.code]).toEqual(["", 1]);
    expect(JSON.parse(failed.err)).toMatchObject({
      error: { code: "board_not_found", remediation: expect.any(String) },
    });
    expect([refused.out, refused.code]).toEqual(["", 1]);
    expect(refused.err).toMatch(/^usage: .*ps.*\n.*rotate/);
    expect(refused.err).not.toContain("my-secret-key");
    expect([unsaid.out, unsaid.code]).toEqual(["", 1]);
    expect(JSON.parse(unsaid.err)).toMatchObject({
      error: { code: "usage", message: expect.stringContaining("--reason") },
    });
    expect([help.out, help.err, help.code]).toEqual([expect.stringContaining("--reason"), "", 0]);
  });

  test("gives every wrong command line a code and a way out", async () => {
    const hide = await inProcess("member", "hide", "race");
    expect(hide.err).toMatch(/\nSee `rankwire member hide --help`\.$/);
    for (const [words, about] of [
      [["nothing"], "unknown command 'nothing'"],
      [["capacity", "--members", "many"], "It must be a whole number"],
      [["capacity"], "--members is missing"],
      [["board", "top"], "missing required argument 'board'"],
    ] as const) {
      const { out, err, code } = await inProcess(...words);
      expect([out, code], about).toEqual(["", 1]);
      expect(err).toMatch(/^usage: .+[.)]\nSee (`rankwire.* --help`|--help of the command)\.$/);
      expect(err).toContain(about);
    }
  });

  test("has a line of help for each command, and loads those alone that are asked for", async () => {
    const all = await programFor("all", () => undefined);
    expect(all.commands.map((command) => command.name())).toEqual(Object.keys(COMMANDS));
    for (const command of all.commands) expect(command.description(), command.name()).not.toBe("");
    const one = await programFor(["key", "list"], () => undefined);
    const loaded = one.commands.filter(({ commands, options }) => commands.length + options.length > 0);
    expect(loaded.map((command) => command.name())).toEqual(["key"]);
  });

  test("a rebuild reports shards of which the database has nothing in one line", () => {
    const shard = { n: 0, at: null, entries: 0, hash: "0000000000000000" };
    const shards = [
      { ...shard, shard: 0 },
      { ...shard, shard: 1, n: 4, at: "2026-01-01T00:00:00.000Z" },
      { ...shard, shard: 2 },
    ];
    const season = { season: 3, incarnation: "x", entries: 0, hidden: 0, ids: 4, shards };
    const board = { board: "race", status: "rebuilt" as const, revision: 1, seasons: [season] };
    const lines = reportText({ boards: [board], entries: 0, seconds: 1 }).split("\n");
    expect(lines.slice(2, 4)).toEqual([
      "    shard 1: up to batch 4 of 2026-01-01T00:00:00.000Z, 0 entries, hash 0000000000000000",
      "    up to the beginning, without entries: shards 0, 2",
    ]);
  });
});
