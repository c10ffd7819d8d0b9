import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { INSTALL_MS, launchBrowser } from "./browser.ts";
import { buildPage, PageServer } from "./page-server.ts";

const SOON = { timeout: 8_000, interval: 50 };
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

describe("profiles on the page", () => {
  let browser: Browser;
  let server: PageServer;
  const troubles: string[] = [];

  beforeAll(async () => {
    const folder = await buildPage();
    [browser, server] = await Promise.all([launchBrowser(), PageServer.start(folder)]);
    const definition: BoardDefinition = {
      operator: "set",
      profileFields: ["displayName", "country", "avatarUrl"],
    };
    await server.putBoard("faces", definition);
    await server.putProfile("ann", {
      displayName: "Ann Bee",
      country: "CH",
      avatarUrl: "https://pictures.example/ann.png",
    });
    await server.putProfile("ben", {
      displayName: "<b onclick=1>Ben</b>",
      avatarUrl: "https://pictures.example/gone.png",
    });
    await server.add({ ann: 30, ben: 20, cy: 10 }, "faces");
  }, INSTALL_MS);

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(troubles.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function openPage(board: string): Promise<{ page: Page; referrers: (string | undefined)[] }> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const referrers: (string | undefined)[] = [];
    page.on("pageerror", (error) => troubles.push(error.message));
    await page.route("https://pictures.example/**", (route) => {
      referrers.push(route.request().headers().referer);
      if (!route.request().url().endsWith("/ann.png")) return route.abort();
      return route.fulfill({ contentType: "image/png", body: PIXEL });
    });
    await page.goto(`${server.pageUrl}?board=${board}&follow=ann`);
    await expect.poll(() => page.locator("#link").textContent(), SOON).toBe("Live");
    return { page, referrers };
  }

  const textOf = (page: Page, member: string, part: string): Promise<string | null> =>
    page.locator(`#rows [data-member="${member}"] ${part}`).textContent();

  it("are names, flags and pictures; initials where there is no picture", async () => {
    const { page, referrers } = await openPage("faces");
    await expect.poll(() => textOf(page, "ann", ".name"), SOON).toBe("Ann Bee");
    expect(await textOf(page, "ann", ".flag")).toBe("🇨🇭");
    expect(await textOf(page, "ben", ".name")).toBe("<b onclick=1>Ben</b>");
    expect([await textOf(page, "cy", ".name"), await textOf(page, "cy", ".avatar")]).toEqual(["cy", "C"]);
    const image = page.locator(`#rows [data-member="ann"] .avatar img`);
    await expect
      .poll(() => page.evaluate("document.querySelector('#rows .avatar img').naturalWidth"), SOON)
      .toBe(1);
    expect([await image.getAttribute("loading"), await image.getAttribute("width")]).toEqual(["lazy", "64"]);
    // The one that cannot be loaded has given way to initials, and no row is higher or wider for any of it.
    await expect.poll(() => page.locator(`#rows [data-member="ben"] img`).count(), SOON).toBe(0);
    const sizes = `new Set([...document.querySelectorAll("#rows .avatar")].map((mark) => {
      const { width, height } = mark.getBoundingClientRect();
      return width + "x" + height;
    })).size`;
    expect(await page.evaluate(sizes)).toBe(1);
    expect(new Set(referrers)).toEqual(new Set([undefined]));
    await expect.poll(() => page.locator("#follow-name").textContent(), SOON).toBe("Ann Bee");
    expect(await page.locator("#follow-flag").textContent()).toBe("🇨🇭");
  });

  it("change while one looks, in rows, neighbours and on the card", async () => {
    const { page } = await openPage("faces");
    await expect.poll(() => textOf(page, "ann", ".name"), SOON).toBe("Ann Bee");
    const row = await page.locator(`#rows [data-member="ann"]`).elementHandle();
    await server.putProfile("ann", { displayName: "Anna", country: "FR" });
    const names = (): Promise<(string | null)[]> =>
      Promise.all(
        ["#rows [data-member=ann] .name", "#neighbours [data-member=ann] .name", "#follow-name"].map(
          (place) => page.locator(place).textContent(),
        ),
      );
    await expect.poll(names, SOON).toEqual(["Anna", "Anna", "Anna"]);
    expect(await textOf(page, "ann", ".flag")).toBe("🇫🇷");
    expect(await row?.evaluate("document.querySelector('#rows [data-member=ann]').isConnected")).toBe(true);
    await server.putProfile("ann", {
      displayName: "Ann Bee",
      country: "CH",
      avatarUrl: "https://pictures.example/ann.png",
    });
  });

  it("are not shown on a board that does not ask for them", async () => {
    await server.putBoard("plain", { operator: "set" });
    await server.add({ ann: 30 }, "plain");
    const { page } = await openPage("plain");
    await expect.poll(() => textOf(page, "ann", ".name"), SOON).toBe("ann");
    expect(await page.locator("#rows .invader").count()).toBe(1);
    expect(await page.locator("#rows .avatar").count()).toBe(0);
  });
});
