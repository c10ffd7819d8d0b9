/** Whole processes that read and write the same few profiles at once: no answer is older than a write that was answered before [R 12]. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { profileKey } from "../../server/redis/keys.ts";
import { describeOnBoth } from "../support/databases.ts";
import {
  LOCAL,
  newMember,
  type ProfileProcess,
  type ProfileTools,
  profileTools,
} from "../support/profiles.ts";

const SEED = 20_261_125;
const MEMBERS = 3;

type Action = {
  what: "put" | "patch" | "remove" | "read" | "forget";
  member: number;
  process: number;
  pauses: number;
};

const action = fc.record<Action>({
  what: fc.constantFrom("put", "put", "patch", "remove", "read", "read", "read", "read", "forget"),
  member: fc.nat(MEMBERS - 1),
  process: fc.nat(2),
  pauses: fc.nat(6),
});

/** What the model knows of one member. */
type Model = {
  /** The newest version that was answered. */
  answered: number;
  /** Name → the version that brought it. */
  names: Map<string, number>;
};

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** All actions begin in order, each some turns of the event loop after the one before, and run together. */
async function runTogether(processes: ProfileProcess[], actions: readonly Action[]): Promise<void> {
  const members = Array.from({ length: MEMBERS }, newMember);
  const models = members.map((): Model => ({ answered: 0, names: new Map() }));
  /** What was read: judged in the end, because a name may be seen before its put is answered. */
  const seen: { model: Model; name: string | undefined; atLeast: number }[] = [];
  let names = 0;
  const act = async ({ what, member: number, process }: Action): Promise<void> => {
    const { profiles, cache } = processes[process]!;
    const member = members[number]!;
    const model = models[number]!;
    const name = `name ${++names}`;
    const note = (version: number, written: string | undefined): void => {
      if (written !== undefined) model.names.set(written, version);
      model.answered = Math.max(model.answered, version);
    };
    if (what === "put") note((await profiles.put(member, { displayName: name })).version, name);
    if (what === "patch" || what === "remove") {
      const change =
        what === "patch" ? profiles.patch(member, { displayName: name }) : profiles.remove(member);
      const done = await change.catch((error: { code: string }) => error);
      if ("version" in done) note(done.version, what === "patch" ? name : undefined);
      else expect(done.code).toBe("profile_not_found");
    }
    if (what === "forget") await cache.del(profileKey(member));
    if (what === "read") {
      const atLeast = model.answered;
      const found = await profiles.look([member], { isFresh: true });
      expect(found.has(member)).toBe(true);
      seen.push({ model, name: found.get(member)?.displayName, atLeast });
    }
  };
  const running: Promise<void>[] = [];
  for (const one of actions) {
    running.push(act(one));
    await turns(one.pauses);
  }
  await Promise.all(running);
  for (const { model, name, atLeast } of seen) {
    if (name !== undefined) expect(model.names.get(name)).toBeGreaterThanOrEqual(atLeast);
  }
  await sameEverywhere(processes, members);
}

/** In the end every process says the same, past its local copies, as the table. */
async function sameEverywhere(processes: ProfileProcess[], members: readonly string[]): Promise<void> {
  const truth = await processes[0]!.store.read(members);
  for (const { profiles } of processes) {
    const said = await profiles.look(members, { isFresh: true });
    for (const member of members) expect(said.get(member)).toEqual(truth.get(member)!.profile);
  }
}

describeOnBoth("profiles under concurrent use", (store) => {
  describeRaces(profileTools(store));
});

function describeRaces({ start }: ProfileTools): void {
  test(`are never older than an answered write (seed ${SEED})`, { timeout: 60_000 }, async () => {
    const processes = await Promise.all([start(), start(), start({ local: LOCAL })]);
    const actions = fc.array(action, { minLength: 10, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(actions, (list) => runTogether(processes, list)),
      { seed: SEED, numRuns: 30, endOnFailure: true },
    );
  });

  test("answer with what was put while a reader's query was under way, to who asks afterwards", async () => {
    const [one, two] = [await start(), await start()];
    const member = newMember();
    await one.profiles.put(member, { displayName: "old" });
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    // The reader has its answer from the database, and has not brought it to the cache yet.
    const asked = new Promise<void>((resolve) => {
      two.store.after = async () => {
        resolve();
        await held;
      };
    });
    const early = two.profiles.get([member]);
    await asked;
    await one.profiles.put(member, { displayName: "new" });
    // In the same process, joining what is under way would answer with what that has found.
    const late = two.profiles.get([member]);
    letGo();
    expect((await early).get(member)).toEqual({ displayName: "old" });
    expect((await late).get(member)).toEqual({ displayName: "new" });
    expect((await one.profiles.get([member])).get(member)).toEqual({ displayName: "new" });
  });
}
