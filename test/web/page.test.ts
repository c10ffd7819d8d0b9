import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { INSTALL_MS, launchBrowser } from "./browser.ts";
import { buildPage, PageServer } from "./page-server.ts";

const SOON = { timeout: 8_000, interval: 50 };

describe("the page", () => {
  let browser: Browser;
  let server: PageServer;
  const troubles: string[] = [];

  beforeAll(async () => {
    const folder = await buildPage();
    [browser, server] = await Promise.all([launchBrowser(), PageServer.start(folder)]);
    // player-01 leads with 3,000 points, player-30 is last with 100.
    const players = Array.from({ length: 30 }, (_, i) => [playerAt(i + 1), (30 - i) * 100] as const);
    await server.add(Object.fromEntries(players));
  }, INSTALL_MS);

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(troubles.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function openPage(
    options: BrowserContextOptions = {},
    followed = playerAt(27),
    query = "",
  ): Promise<Page> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.on("pageerror", (error) => troubles.push(error.message));
    await page.addInitScript(`localStorage["rankwire.follow.arcade"] ??= "${followed}"`);
    await page.goto(server.pageUrl + query);
    await expect.poll(() => linkOf(page), SOON).toBe("Live");
    return page;
  }

  it("shows the best 20, best first, and how many there are", async () => {
    const page = await openPage();
    const best = Array.from({ length: 20 }, (_, i) => playerAt(i + 1));
    await expect.poll(() => namesOf(page), SOON).toEqual(best);
    expect(await page.locator("#rows .score").first().textContent()).toBe("3,000");
    expect(await page.locator("#rows .gap").nth(1).textContent()).toBe("−100");
    await expect.poll(() => page.locator("#total").textContent(), SOON).toBe("30");
    expect(await page.locator("#position").textContent()).toMatch(/^[\w-]+:\d+$/);
  });

  it("moves a row to its new place when a submission changes the order", async () => {
    const page = await openPage();
    await expect.poll(() => namesOf(page), SOON).toHaveLength(20);
    await server.add({ [playerAt(15)]: 5_000 });
    await expect.poll(async () => (await namesOf(page))[0], SOON).toBe(playerAt(15));
    const row = page.locator(`#rows [data-member="${playerAt(15)}"]`);
    expect(await row.locator(".trend").textContent()).toBe("▲14");
    await expect.poll(() => row.locator(".score").textContent(), SOON).toBe("6,600");
    // The move itself: the row arrives at the top of the list.
    const top = (await page.locator("#rows").boundingBox())!.y;
    await expect.poll(async () => Math.round((await row.boundingBox())!.y - top), SOON).toBe(1);
    await server.add({ [playerAt(15)]: -5_000 });
    await expect.poll(async () => (await namesOf(page))[14], SOON).toBe(playerAt(15));
  });

  it("brings in who reaches the best 20 and takes out who leaves them", async () => {
    const page = await openPage();
    await server.add({ [playerAt(30)]: 1_050 });
    await expect.poll(async () => (await namesOf(page)).at(-1), SOON).toBe(playerAt(30));
    await expect.poll(() => page.locator("#rows li").count(), SOON).toBe(20);
    expect(await namesOf(page)).not.toContain(playerAt(20));
    await server.add({ [playerAt(30)]: -1_050 });
    await expect.poll(async () => (await namesOf(page)).at(-1), SOON).toBe(playerAt(20));
  });

  it("shows the followed player's rank far below the list, and follows it live", async () => {
    const page = await openPage();
    await expect.poll(() => cardOf(page), SOON).toEqual({ name: playerAt(27), rank: "27", score: "400" });
    expect(await page.locator("#follow-total").textContent()).toBe("30");
    expect(await page.locator("#follow-percentile").textContent()).toBe("13.3");
    expect(await page.locator("#follow-error").textContent()).toBe("");
    await server.add({ [playerAt(27)]: 250 });
    await expect.poll(() => cardOf(page), SOON).toEqual({ name: playerAt(27), rank: "25", score: "650" });
    await expect.poll(() => page.locator("#follow-change").textContent(), SOON).toBe("▲2");
    await server.add({ [playerAt(27)]: -250 });
  });

  it("moves the followed player's rank when others pass them, and shows who stands around them", async () => {
    const page = await openPage();
    await expect.poll(async () => (await cardOf(page)).rank, SOON).toBe("27");
    await expect.poll(() => neighboursOf(page), SOON).toEqual([25, 26, 27, 28, 29].map(playerAt));
    expect(await page.locator("#neighbours .followed .name").allTextContents()).toEqual([playerAt(27)]);
    await server.add({ [playerAt(28)]: 150, [playerAt(29)]: 300 });
    await expect.poll(() => cardOf(page), SOON).toEqual({ name: playerAt(27), rank: "29", score: "400" });
    expect(await page.locator("#follow-change").getAttribute("data-direction")).toBe("down");
    await expect.poll(() => neighboursOf(page), SOON).toEqual([26, 29, 28, 27, 30].map(playerAt));
    await page.locator(`#neighbours [data-member="${playerAt(30)}"] button`).click();
    await expect.poll(async () => (await cardOf(page)).name, SOON).toBe(playerAt(30));
    await server.add({ [playerAt(28)]: -150, [playerAt(29)]: -300 });
  });

  it("follows whom the address names, once", async () => {
    const page = await openPage({}, playerAt(3), `?follow=${playerAt(22)}`);
    await expect.poll(() => cardOf(page), SOON).toMatchObject({ name: playerAt(22), rank: "22" });
    expect(new URL(page.url()).search).toBe("");
    await page.locator(`#rows [data-member="${playerAt(4)}"] button`).click();
    await page.reload();
    await expect.poll(async () => (await cardOf(page)).name, SOON).toBe(playerAt(4));
  });

  it("follows whose row is clicked, remembers it, and finds another on request", async () => {
    const page = await openPage();
    await page.locator(`#rows [data-member="${playerAt(3)}"] button`).click();
    await expect.poll(() => cardOf(page), SOON).toEqual({ name: playerAt(3), rank: "3", score: "2,800" });
    expect(await page.locator("#rows .followed .name").allTextContents()).toEqual([playerAt(3)]);
    expect(await page.evaluate(`localStorage.getItem("rankwire.follow.arcade")`)).toBe(playerAt(3));
    await page.locator("#follow-another").click();
    await expect.poll(async () => (await cardOf(page)).name, SOON).not.toBe(playerAt(3));
    await expect.poll(async () => (await cardOf(page)).rank, SOON).toMatch(/^\d+$/);
  });

  it("finds somebody to follow when the one it remembers is not on the board", async () => {
    const page = await openPage({}, "gone-long-ago");
    await expect.poll(async () => (await cardOf(page)).name, SOON).toMatch(/^player-\d+$/);
  });

  it("can be used by keyboard: focus stays on a row that moves", async () => {
    const page = await openPage();
    await page.locator(`#rows [data-member="${playerAt(10)}"] button`).focus();
    await server.add({ [playerAt(10)]: 5_000 });
    await expect.poll(async () => (await namesOf(page))[0], SOON).toBe(playerAt(10));
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await cardOf(page)).name, SOON).toBe(playerAt(10));
    await server.add({ [playerAt(10)]: -5_000 });
  });

  it("says that the server is away, keeps the rows, and is live again when it is back", async () => {
    const page = await openPage();
    await expect.poll(() => namesOf(page), SOON).toHaveLength(20);
    await server.stopServer();
    await expect.poll(() => linkOf(page), SOON).toBe("Reconnecting");
    expect(await namesOf(page)).toHaveLength(20);
    await server.startAgain();
    await expect.poll(() => linkOf(page), { ...SOON, timeout: 15_000 }).toBe("Live");
    await server.add({ [playerAt(2)]: 500 });
    await expect.poll(async () => (await namesOf(page))[0], SOON).toBe(playerAt(2));
    await server.add({ [playerAt(2)]: -500, [playerAt(28)]: 150 });
    await expect.poll(async () => (await cardOf(page)).rank, SOON).toBe("28");
    await server.add({ [playerAt(28)]: -150 });
  });

  it("shows a member's name as text, whatever is in it", async () => {
    const name = `<img src=x onerror="document.title='broken'">`;
    await server.add({ [name]: 9_000 });
    const page = await openPage();
    await expect.poll(async () => (await namesOf(page))[0], SOON).toBe(name);
    expect(await page.title()).toBe("arcade · Rankwire");
    await server.add({ [name]: -9_000 });
  });

  it.each([390, 700, 1280])("shows long scores whole on a screen of %i pixels", async (width) => {
    await server.putBoard("large", { operator: "set", columns: [{ name: "points", max: 10_000_000_000 }] });
    await server.add({ ann: 9_876_543_210, ben: 1_234_567_890, cy: 7 }, "large");
    const page = await openPage({ viewport: { width, height: 1_000 } }, undefined, "?board=large");
    await expect.poll(() => page.locator("#rows .score").first().textContent(), SOON).toBe("9,876,543,210");
    const cut = `[...document.querySelectorAll("#rows :is(.score, .gap)")]
      .filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent)`;
    await expect.poll(() => page.evaluate(cut), SOON).toEqual([]);
    const rights = `[...document.querySelectorAll("#rows .score")].map((cell) => Math.round(cell.getBoundingClientRect().right))`;
    expect(new Set((await page.evaluate(rights)) as number[]).size).toBe(1);
  });

  it("says the name of one of several boards once, in one line with the state of the link", async () => {
    await server.putBoard("karting-of-the-winter", { operator: "set" });
    const page = await openPage(
      { viewport: { width: 390, height: 800 } },
      undefined,
      "?board=karting-of-the-winter",
    );
    expect(await page.locator("#boards").inputValue()).toBe("karting-of-the-winter");
    const box = async (id: string) => (await page.locator(id).boundingBox())!;
    expect((await box("#title")).width).toBe(1);
    expect((await box("#link")).y).toBeLessThan((await box("#boards")).y + (await box("#boards")).height);
  });

  it.each([360, 768, 1280, 3840])("fits a screen of %i pixels without scrolling sideways", async (width) => {
    const page = await openPage({ viewport: { width, height: 800 }, reducedMotion: "reduce" });
    await expect.poll(() => namesOf(page), SOON).toHaveLength(20);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
  });
});

function playerAt(rank: number): string {
  return `player-${String(rank).padStart(2, "0")}`;
}

function linkOf(page: Page): Promise<string | null> {
  return page.locator("#link").textContent();
}

/** In the order of the document, without those on their way out. */
function namesOf(page: Page): Promise<string[]> {
  return page.locator(`#rows li:not([data-moving="out"]) .name`).allTextContents();
}

function neighboursOf(page: Page): Promise<string[]> {
  return page.locator(`#neighbours li:not([data-moving="out"]) .name`).allTextContents();
}

async function cardOf(page: Page): Promise<{ name: string; rank: string; score: string }> {
  const [name, rank, score] = await Promise.all(
    ["#follow-name", "#follow-rank", "#follow-score"].map((id) => page.locator(id).textContent()),
  );
  return { name: name ?? "", rank: rank ?? "", score: score ?? "" };
}
