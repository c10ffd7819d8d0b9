/** Who is connected to this gateway, over sockets and event streams, counted anew each time it is asked: no number to go wrong. */
import type { Presence } from "../counters/heartbeats.ts";

/** One connection: its player, if it has one, and the boards that it follows, maybe named several times. */
export type Connection = { member: string | undefined; boards: Iterable<string> };

type Source = () => Iterable<Connection>;

export class Connected {
  readonly #sources: Source[] = [];

  /** Whoever holds connections says which, when asked. */
  add(source: Source): void {
    this.#sources.push(source);
  }

  /** @param all the name under which every connection counts; the others are boards, with those that follow them */
  count(all: string): Map<string, Presence> {
    const scopes = new Map<string, { connections: number; members: Set<string> }>([
      [all, { connections: 0, members: new Set() }],
    ]);
    for (const source of this.#sources) {
      for (const { member, boards } of source()) {
        for (const name of new Set([all, ...boards])) {
          const scope = scopes.get(name) ?? { connections: 0, members: new Set() };
          scopes.set(name, scope);
          scope.connections++;
          if (member !== undefined) scope.members.add(member);
        }
      }
    }
    return new Map(
      Array.from(scopes, ([name, { connections, members }]) => [
        name,
        { connections, players: members.size },
      ]),
    );
  }
}

/** The boards of names of rooms and subscriptions. */
export function boardsFollowed(
  rooms: Iterable<{ board: string }>,
  live: Iterable<{ name: { board: string } }>,
): Set<string> {
  const boards = new Set<string>();
  for (const { board } of rooms) boards.add(board);
  for (const { name } of live) boards.add(name.board);
  return boards;
}
