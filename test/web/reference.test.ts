/** The reference at /docs in a real browser: whole, without trouble, and without a request to anybody else. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";
import { INSTALL_MS, launchBrowser } from "./browser.ts";

let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([launchBrowser(), startServer(sharedRedisUrl())]);
}, INSTALL_MS);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test("the reference shows every operation, and asks nobody but its own server", async () => {
  const page = await browser.newPage();
  const troubles: string[] = [];
  const asked: string[] = [];
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") troubles.push(message.text());
  });
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`${server.url}/docs`);
  await page.locator(".opblock").first().waitFor();
  const { body } = await server.call<{ paths: Record<string, object> }>("GET", "/v1/openapi.json");
  const operations = Object.values(body.paths).flatMap((methods) => Object.keys(methods));
  expect(await page.locator(".opblock").count()).toBe(operations.length);
  const top = page.locator(".opblock", { hasText: "/v1/boards/{board}/top" }).first();
  await top.locator(".opblock-summary-control").click();
  await top.getByText("RateLimit-Remaining").first().waitFor();
  expect(asked.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:"))).toEqual([]);
  expect(troubles).toEqual([]);
});

test("the plugin's copy in YAML, which would be written anew for everybody, and files that are not there are refused", async () => {
  for (const path of ["/docs/yaml", "/docs/static/nothing.js"]) {
    const answer = await server.call("GET", path);
    expect(answer).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  }
});
