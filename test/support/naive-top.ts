/** The naive model of what webhooks are told of the top: sets of names before and after, and nothing remembered but what was told. */

export type Told = [type: string, member: string, rank: number | null];
/** Best first, with the score that is shown. */
export type Top = readonly { member: string; score: number }[];

/** Standard competition ranks: one more than those who are strictly better. */
const rankIn = (top: Top, member: string): number | null => {
  const own = top.find((row) => row.member === member);
  return own ? 1 + top.filter(({ score }) => score > own.score).length : null;
};
const best = (top: Top, size: number): string[] => top.slice(0, size).map(({ member }) => member);
const firsts = (top: Top, size: number): string[] =>
  best(top, size).filter((member) => rankIn(top, member) === 1);

export function naiveChanges(before: Top, after: Top, size: number): Told[] {
  const without = (some: string[], others: string[]): string[] => some.filter((one) => !others.includes(one));
  const tell = (type: string, members: string[]): Told[] =>
    members.map((member) => [type, member, rankIn(after, member)]);
  return [
    ...tell("top.left", without(best(before, size), best(after, size))),
    ...tell("top.entered", without(best(after, size), best(before, size))),
    ...tell("top.first", without(firsts(after, size), firsts(before, size))),
  ];
}

/** Who is where, by rank: what is remembered of a top. */
export function standingIn(top: Top, size: number): string {
  return JSON.stringify([best(top, size), firsts(top, size)]);
}
