/** The example of the README, run as it is printed; only the port and the keys are the test's own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "rankwire-readme-"));
let redis: TestRedis;
let server: TestServer;
beforeAll(async () => {
  redis = await startTestRedis();
  server = await startServer(redis.url);
});
afterAll(async () => {
  await server.stop();
  await redis.stop();
  rmSync(folder, { recursive: true });
});

test("the README's example submits a score and shows the board that it leads to", async () => {
  const block = /<!-- readme\.test\.ts[^\n]*\n+```ts\n([\s\S]*?)```/.exec(
    readFileSync(join(ROOT, "README.md"), "utf8"),
  )?.[1];
  expect(
    block
      ?.trim()
      .split("\n")
      .filter((line) => line.trim() !== "").length,
  ).toBeLessThanOrEqual(20);
  writeFileSync(
    join(folder, "game.ts"),
    block!
      .replace("http://127.0.0.1:8080", server.url)
      .replace("admin-key-of-my-game", ADMIN_KEY)
      .replace("server-key-of-my-game", SERVER_KEY),
  );
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  for (const name of ["client-sdk", "node_modules"]) symlinkSync(join(ROOT, name), join(folder, name));

  const game = spawn(process.execPath, ["--import", "tsx", "game.ts"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(game, "exit");
  const printed: string[] = [];
  for await (const line of createInterface({ input: game.stdout })) {
    printed.push(line);
    if (/accepted/.test(printed.join("")) && /│\s*1\s*│\s*'ada'\s*│\s*4200\s*│/.test(printed.join("\n")))
      break;
  }
  game.kill();
  await exited;
  expect(printed.join("\n")).toContain("ada");
});
