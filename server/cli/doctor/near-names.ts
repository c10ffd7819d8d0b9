/** Names that somebody may have meant: a setting that is spelt a little wrong does nothing, and says nothing. */

/** Below this many letters too many names of others are near. */
const LETTERS_MIN = 6;

/** The known name that another one is nearest to, if it is near enough to be meant; undefined for a known one. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (known.includes(name)) return undefined;
  const bare = (text: string): string => text.replaceAll(/[_-]/g, "").toUpperCase();
  const same = known.find((one) => bare(one) === bare(name));
  if (same !== undefined) return same;
  const near = known
    .filter((one) => one.length >= LETTERS_MIN)
    .map((one) => ({ one, steps: distance(name, one), most: one.length >= 10 ? 2 : 1 }))
    .filter(({ steps, most }) => steps <= most)
    .sort((a, b) => a.steps - b.steps);
  return near[0]?.one;
}

/** Letters that are changed, left out, added, or exchanged with their neighbour, from one to the other. */
export function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(changed, rows[i - 1]![j]! + 1, row[j - 1]! + 1);
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (exchanged) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
