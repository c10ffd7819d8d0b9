/** The best rows of several sorted lists. Pure. */
import type { Place } from "../leaderboard/page-cursor.ts";
import { comparePlaces } from "../leaderboard/reader.ts";

type Head = { list: readonly Place[]; at: number };

/** The first `limit` places of the union, best first; lists are sorted and disjoint. O(limit · log lists), a binary heap of heads. */
export function mergeTops(lists: readonly (readonly Place[])[], limit: number): Place[] {
  const heap: Head[] = lists.filter((list) => list.length > 0).map((list) => ({ list, at: 0 }));
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) siftDown(heap, i);
  const merged: Place[] = [];
  while (heap.length > 0 && merged.length < limit) {
    const head = heap[0]!;
    merged.push(head.list[head.at]!);
    head.at++;
    if (head.at === head.list.length) {
      const last = heap.pop()!;
      if (heap.length === 0) break;
      heap[0] = last;
    }
    siftDown(heap, 0);
  }
  return merged;
}

function siftDown(heap: Head[], from: number): void {
  let i = from;
  const head = heap[i];
  if (!head) return;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && better(heap[child + 1]!, heap[child]!)) child++;
    if (!better(heap[child]!, head)) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = head;
}

function better(a: Head, b: Head): boolean {
  return comparePlaces(a.list[a.at]!, b.list[b.at]!) < 0;
}
