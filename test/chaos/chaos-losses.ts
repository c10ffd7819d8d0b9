/** Losses of Redis in a run: each is followed by a rebuild, whose report is held against the submitter's record, and what it lost is sent again. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { between, type Random } from "../../demo/random.ts";
import { sleep } from "../../server/base/clock.ts";
import type { RebuildReport } from "../../server/recovery/rebuild.ts";
import { eventually } from "../support/eventually.ts";
import { type Loss, shuffled } from "./chaos-faults.ts";
import type { ChaosSubmitter } from "./chaos-submitter.ts";
import type { ChaosWorld } from "./chaos-world.ts";
import type { Submission } from "./submission-record.ts";

/** Submissions that are asked for after each rebuild, although it says that they are there. */
const PROBES = 60;

export type Losses = {
  /** What is wrong, for people. */
  complaints: string[];
  lost: number;
};

type Needs = {
  world: ChaosWorld;
  submitter: ChaosSubmitter;
  random: Random;
  say: (text: string) => void;
  folder: string;
  /** Boards that add up: of bests a repeated submission answers nothing about itself. */
  adding: ReadonlySet<string>;
};

export async function runLosses(needs: Needs, losses: readonly Loss[]): Promise<Losses> {
  const found: Losses = { complaints: [], lost: 0 };
  for (const loss of shuffled(losses, needs.random)) {
    await sleep(between(needs.random, 300, 3_000));
    needs.say(loss.name);
    await loss.run();
    if (!loss.isLoss) continue;
    await sleep(between(needs.random, 0, 300));
    const report = await rebuilt(needs);
    const lost = await checkList(needs, report, found);
    needs.say(`rebuilt, ${lost.length} lost`);
    found.lost += lost.length;
    await sendAndProbe(needs, lost, found);
  }
  return found;
}

/** The database may be away: an operator tries again. */
async function rebuilt({ world }: Needs): Promise<RebuildReport> {
  let hasFailed = false;
  const tried = async (): Promise<RebuildReport> => {
    const { code, output, errors } = await world.cli("rebuild", "--json");
    if (code !== 0) {
      hasFailed = true;
      throw new Error(`rebuild ended with ${code}: ${errors}`);
    }
    const report = JSON.parse(output) as RebuildReport;
    const there = report.boards.filter(({ status }) => status === "there");
    // One that was cut off has rebuilt some boards, and its report is gone.
    if (there.length > 0 && !hasFailed)
      throw new Error(`${there.map(({ board }) => board)} were there after a loss`);
    return report;
  };
  return eventually(tried, { withinMs: 60_000, everyMs: 200 });
}

/** What is lost by the report and the record; `rankwire lost` has to say the same. */
async function checkList(
  { world, submitter, folder }: Needs,
  report: RebuildReport,
  { complaints }: Losses,
): Promise<Submission[]> {
  const acknowledged = submitter.record.acknowledged();
  const file = join(folder, "record.ndjson");
  writeFileSync(file, submitter.record.lines(acknowledged));
  const archived = await archivedSeasons(world, report);
  const { output } = await eventually(
    async () => {
      const end = await world.cli("lost", file, "--json");
      if (end.code !== 0) throw new Error(`lost ended with ${end.code}: ${end.errors}`);
      return end;
    },
    { withinMs: 30_000 },
  );
  const listed = new Set(
    output.split("\n").flatMap((line) => (line === "" ? [] : [(JSON.parse(line) as { id: string }).id])),
  );
  const reported = new Set(report.boards.flatMap(({ board, status }) => (status === "there" ? [] : [board])));
  const lost = acknowledged.filter((one) =>
    reported.has(one.board) ? isLostBy(report, archived, one) : listed.has(one.id),
  );
  const own = new Set(lost.map(({ id }) => id));
  const differing = acknowledged.filter(({ id }) => listed.has(id) !== own.has(id));
  for (const one of differing.slice(0, 5)) {
    complaints.push(
      `${listed.has(one.id) ? "listed" : "not listed"} as lost against the report: ${JSON.stringify(one)}`,
    );
  }
  for (const one of lost) one.isLost = true;
  return lost;
}

async function archivedSeasons(world: ChaosWorld, { boards }: RebuildReport): Promise<Set<string>> {
  type Seasons = { seasons: { number: number; state: string }[] };
  const lists = boards.map(async ({ board }) => {
    const { seasons } = await world.admin<Seasons>("GET", `/v1/boards/${board}/seasons`);
    return seasons.flatMap(({ number, state }) => (state === "archived" ? [`${board} ${number}`] : []));
  });
  return new Set((await Promise.all(lists)).flat());
}

function isLostBy(
  { boards }: RebuildReport,
  archived: ReadonlySet<string>,
  { board, ack }: Submission,
): boolean {
  const report = boards.find((one) => one.board === board);
  const season =
    report?.status === "rebuilt" ? report.seasons.find((one) => one.season === ack!.season) : undefined;
  if (!season) return !archived.has(`${board} ${ack!.season}`);
  if (season.incarnation === ack!.incarnation) return false;
  return ack!.n === undefined || ack!.n > season.shards[ack!.shard]!.n;
}

async function sendAndProbe(
  { submitter, adding, random }: Needs,
  lost: Submission[],
  { complaints }: Losses,
): Promise<void> {
  complaints.push(...(await submitter.sendAgain(lost)));
  const kept = submitter.record
    .acknowledged()
    .filter(({ board, ack }) => adding.has(board) && ack?.n !== undefined);
  const probed = [...kept.slice(-PROBES / 2), ...shuffled(kept, random).slice(0, PROBES / 2)];
  complaints.push(...(await submitter.probe(probed)));
}
