import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { scoreOf } from "../../demo/crowd.ts";
import { Form } from "../../demo/form.ts";
import { freePortFrom } from "../../demo/free-port.ts";
import { NAMES_MAX, playerNames } from "../../demo/names.ts";
import { randomFrom } from "../../demo/random.ts";

describe("player names", () => {
  it("are all different, and fit as members", () => {
    const names = playerNames(NAMES_MAX);
    expect(new Set(names).size).toBe(NAMES_MAX);
    expect(names.filter((name) => !/^[a-z]+-[a-z]+-\d{1,2}$/.test(name))).toEqual([]);
  });

  it("stay the same when more players come", () => {
    expect(playerNames(300).slice(0, 20)).toEqual(playerNames(20));
  });
});

describe("a player's form", () => {
  function ratingsOf(seed: number, matches: number): number[] {
    const form = new Form(randomFrom(seed));
    const ratings = [form.placement()];
    for (let i = 0; i < matches; i++) ratings.push(ratings.at(-1)! + form.playMatch(ratings.at(-1)!));
    return ratings;
  }

  it("lets ratings hover: nobody runs away, nobody falls below zero", () => {
    for (let seed = 0; seed < 50; seed++) {
      const ratings = ratingsOf(seed, 5_000).slice(1_000);
      expect(Math.min(...ratings)).toBeGreaterThan(0);
      expect(Math.max(...ratings) - Math.min(...ratings)).toBeLessThan(12_000);
    }
  });

  it("keeps the order of players changing however long they play", () => {
    const [some, others] = [ratingsOf(1, 20_000), ratingsOf(2, 20_000)].map((all) => all.slice(-10_000));
    const swings = some!.map((rating, i) => rating - others![i]!);
    expect(new Set(swings).size).toBeGreaterThan(1_000);
  });

  it("never takes more points than a player has, and always rests a while", () => {
    const form = new Form(randomFrom(3));
    for (let i = 0; i < 1_000; i++) {
      expect(form.playMatch(5)).toBeGreaterThanOrEqual(-5);
      expect(form.pause()).toBeGreaterThanOrEqual(1_000);
    }
  });
});

describe("the free port", () => {
  it("is the next one when the first is taken", async () => {
    const first = await freePortFrom(29_080, "127.0.0.1");
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(first, "127.0.0.1", resolve));
    expect(await freePortFrom(first, "127.0.0.1")).toBeGreaterThan(first);
    await new Promise((resolve) => squatter.close(resolve));
    expect(await freePortFrom(0, "127.0.0.1")).toBe(0);
  });
});

describe("the crowd", () => {
  it("stays below those who play well, has depth, and is the same at every start", () => {
    const scores = Array.from({ length: 5_000 }, (_, seed) => scoreOf(seed));
    expect(Math.max(...scores)).toBeLessThanOrEqual(11_800);
    expect(Math.min(...scores)).toBeGreaterThan(0);
    expect(new Set(scores).size).toBeGreaterThan(2_500);
    expect(scores.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, seed) => scoreOf(seed)));
  });
});
