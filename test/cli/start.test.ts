/** `rankwire start` as a process: the server of `npm start`, with options in place of settings. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { ADMIN_KEY } from "../support/servers.ts";
import { sharedRedisUrl, testRunFolder } from "../support/shared-redis.ts";
import { asProcess } from "./rankwire.ts";

test("starts the server with the options in place of settings, and leaves politely", {
  timeout: 60_000,
}, async () => {
  const dataDir = mkdtempSync(join(testRunFolder(), "start-"));
  const options = [
    "--port",
    "0",
    "--roles",
    "gateway,merger",
    "--redis-url",
    sharedRedisUrl(),
    "--data-dir",
    dataDir,
  ];
  const child = spawn(process.execPath, ["--import", "tsx", "server/cli/main.ts", "start", ...options], {
    env: { ...process.env, PORT: "none", ADMIN_KEY, LOG_LEVEL: "info" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "exit");
  const ready = await new Promise<{ port: number; roles: string[] }>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const logged = JSON.parse(line) as { msg: string; port: number; roles: string[] };
      if (logged.msg === "rankwire is ready") resolve(logged);
    });
  });
  expect(ready.roles).toEqual(["gateway", "merger"]);
  expect((await fetch(`http://127.0.0.1:${ready.port}/healthz`)).status).toBe(200);
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});

test("ends with 2 and the reason where a setting is wrong", async () => {
  const { err, code } = await asProcess({}, "start", "--port", "many");
  expect(code).toBe(2);
  expect(err).toContain("PORT: ");
});
