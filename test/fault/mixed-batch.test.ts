/** One bad item in a batch never fails the others: random batches of good and bad items against the naive model. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Entry, SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { anyDefinition, anyMember, anyValues } from "../support/arbitrary-board.ts";
import { NaiveBoard, type NaiveOutcome, type Value } from "../support/naive-board.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Bystander } from "./bystander.ts";

let server: TestServer;
let bystander: Bystander;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  bystander = await Bystander.create(server);
});
afterAll(async () => {
  bystander.close();
  await server.stop();
});

type Good = { kind: "good"; member: string; values: Value[]; id: string };
/** `columns` is added to those of a submission that is good otherwise. */
type Bad =
  | { kind: "bad"; item: unknown }
  | { kind: "spoiled"; values: Value[]; fields: object; columns: object };
type Item = Good | Bad;

const nonsense = fc
  .oneof(fc.anything({ maxDepth: 2 }), fc.record({ member: fc.string() }), fc.record({ score: fc.double() }))
  // As it arrives: what JSON has no word for is gone.
  .map((value) => JSON.parse(JSON.stringify(value) ?? "null") as unknown)
  // A body with these names is refused whole, as an attack on prototypes: bad-input.test.ts.
  .filter((value) => !/__proto__|constructor/.test(JSON.stringify(value)));

/** Each makes any good submission a bad one. */
const spoiler = fc.constantFrom<{ fields: object; columns: object }>(
  { fields: { member: "" }, columns: {} },
  { fields: { member: "tab\there" }, columns: {} },
  { fields: { member: "\ud800" }, columns: {} },
  { fields: { member: "x".repeat(129) }, columns: {} },
  { fields: { score: "1" }, columns: {} },
  { fields: { score: null }, columns: {} },
  { fields: { score: 2 ** 53 }, columns: {} },
  { fields: { score: 1e-9 }, columns: {} },
  { fields: { id: "\n" }, columns: {} },
  { fields: { season: 2 }, columns: {} },
  { fields: { metadata: "x" }, columns: {} },
  { fields: { unknown: 1 }, columns: {} },
  { fields: {}, columns: { unknown: 1 } },
  { fields: {}, columns: { toString: 1 } },
);

const scenario = anyDefinition.chain((definition) => {
  const values = anyValues(definition);
  const good = fc.record({
    kind: fc.constant("good" as const),
    member: anyMember,
    values,
    id: fc.constantFrom("", "", "x", "y"),
  });
  const spoiled = fc
    .record({ kind: fc.constant("spoiled" as const), values, spoiler })
    .map(({ spoiler: how, ...rest }) => ({ ...rest, ...how }));
  const bad = fc.record({ kind: fc.constant("bad" as const), item: nonsense });
  const item: fc.Arbitrary<Item> = fc.oneof(
    { weight: 3, arbitrary: good },
    { weight: 2, arbitrary: spoiled },
    { weight: 1, arbitrary: bad },
  );
  const batch = fc.array(item, { minLength: 1, maxLength: 20 });
  return fc.record({
    definition: fc.constant(definition),
    batches: fc.array(batch, { minLength: 1, maxLength: 3 }),
  });
});

const OUTCOMES: Record<NaiveOutcome, string> = {
  a: "accepted",
  u: "unchanged",
  d: "duplicate",
  r: "rejected",
};

function submissionOf(item: Item): unknown {
  if (item.kind === "bad") return item.item;
  const [score, ...others] = item.values;
  const columns = Object.fromEntries(others.map((value, i) => [`c${i + 1}`, value]));
  if (item.kind === "good") {
    return { member: item.member, score, columns, ...(item.id === "" ? {} : { id: item.id }) };
  }
  return { member: "spoiled", score, columns: { ...columns, ...item.columns }, ...item.fields };
}

describe("a batch of good and bad items", () => {
  it("does with the good ones what it would do without the bad ones", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ definition, batches }) => {
        const id = uniqueBoard("mixed");
        await server.createBoard(id, definition);
        const { board } = await server.running.registry.get(id);
        const model = new NaiveBoard(board);
        let at = 0;
        for (const items of batches) {
          at++;
          const expected = items.map((item) =>
            item.kind === "good" ? OUTCOMES[model.submit({ ...item, at })] : "rejected",
          );
          const { status, body } = await server.call<{ results: SubmissionResult[] }>(
            "POST",
            `/v1/boards/${id}/scores`,
            { key: SERVER_KEY, body: { submissions: items.map(submissionOf) } },
          );
          expect(status).toBe(200);
          expect(body.results.map(({ outcome }) => outcome)).toEqual(expected);
          for (const result of body.results) {
            if (result.outcome !== "rejected") continue;
            expect(result.error).toMatchObject({ message: expect.any(String), retryable: false });
            expect(result.error.code).not.toBe("internal");
          }
          // Batches arrive at different times, so that ties by time have an order.
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        const ranked = model.ranked();
        const members = [...ranked.map(({ member }) => member), "spoiled"];
        const { body } = await server.call<{ entries: Entry[]; total: number }>(
          "POST",
          `/v1/boards/${id}/members`,
          { body: { members } },
        );
        expect(body.total).toBe(ranked.length);
        expect(
          body.entries.map(({ member, rank, score, columns }) => {
            const others = board.columns.slice(1).map(({ name }) => columns![name]!);
            return { member, rank, values: [score, ...others] };
          }),
        ).toEqual(ranked.map(({ member, rank, values }) => ({ member, rank, values })));
      }),
      { numRuns: 100 },
    );
    await bystander.thrives();
  });
});
