/**
 * The known boards: created and changed through the repository, cached by every process.
 *
 * Opening a season is restartable: the record is saved as `opening` with its incarnation, then each shard is opened
 * (again is harmless), then the record says `open`; whoever meets an `opening` record finishes it.
 */
import type { BoardInfo } from "../../client-sdk/protocol/messages.ts";
import type { Clock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { callAll } from "../redis/batch.ts";
import { feedKeys, shardKeys } from "../redis/keys.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { Board, BoardRecord, BoardSeason, OpenBoard } from "./board.ts";
import type { BoardRepository, StoredBoard } from "./board-repository.ts";
import { FIXED_FIELDS, newSeason } from "./board-schema.ts";
import { layoutOf } from "./layout.ts";

const SAVE_ATTEMPTS = 5;

/** Opens what belongs to a season outside of this room: the feed. Handed in by compose. */
export type OpenFeed = (open: OpenBoard) => Promise<void>;

export class Registry {
  readonly #redis: RedisStore;
  readonly #repository: BoardRepository;
  readonly #openFeed: OpenFeed;
  readonly #clock: Clock;
  #boards = new Map<string, OpenBoard>();
  /** The record of each known board, as the text that was read last. */
  readonly #texts = new Map<string, string>();
  readonly #listeners = new Set<(open: OpenBoard) => void>();
  #version = "";

  constructor(options: { redis: RedisStore; repository: BoardRepository; openFeed: OpenFeed; clock: Clock }) {
    this.#redis = options.redis;
    this.#repository = options.repository;
    this.#openFeed = options.openFeed;
    this.#clock = options.clock;
  }

  /** Every known board, by id: a live view. */
  get boards(): ReadonlyMap<string, OpenBoard> {
    return this.#boards;
  }

  /** Every known board, sorted by id. */
  list(): OpenBoard[] {
    return [...this.#boards.values()].sort((a, b) => (a.board.id < b.board.id ? -1 : 1));
  }

  /** Be told of every board that was created or changed, by whichever process. */
  onChange(listener: (open: OpenBoard) => void): void {
    this.#listeners.add(listener);
  }

  /** The board, from memory; asked of the repository once when it is not there. @throws AppError board_not_found */
  async get(id: string): Promise<OpenBoard> {
    const known = this.#boards.get(id);
    if (known) return known;
    const stored = await this.#repository.get(id).catch((error: unknown) => {
      throw fromRedisError(error);
    });
    if (!stored) throw new AppError("board_not_found", { message: `There is no board "${id}".` });
    return this.#adopt(await this.#finishOpening(stored));
  }

  /** Read what changed since the last call; one GET when nothing did. */
  async refresh(): Promise<void> {
    const version = await this.#repository.version();
    if (version === this.#version) return;
    for (const stored of await this.#repository.all()) {
      if (this.#texts.get(stored.record.board.id) === stored.text) continue;
      this.#adopt(await this.#finishOpening(stored));
    }
    this.#version = version;
  }

  /**
   * Create a board, or change what may change live.
   * @throws AppError board_invalid, board_locked (a fixed field differs), unavailable
   */
  put(board: Board): Promise<{ open: OpenBoard; created: boolean }> {
    return this.#put(board).catch((error: unknown) => {
      throw fromRedisError(error);
    });
  }

  async #put(board: Board): Promise<{ open: OpenBoard; created: boolean }> {
    for (let attempt = 0; attempt < SAVE_ATTEMPTS; attempt++) {
      const before = await this.#repository.get(board.id);
      if (before) refuseFixedChanges(before.record.board, board);
      const record: BoardRecord = before
        ? { ...before.record, board, revision: before.record.revision + 1 }
        : { board, season: newSeason(board, 1, this.#clock.now()), revision: 1, closing: [] };
      layoutOf(board, record.season);
      if (board.rules && record.season.state === "open") await this.#addRuleKeys(derive(record));
      if ((await this.#repository.save(record, before)) === "conflict") continue;
      const open = this.#adopt(await this.#finishOpening({ record, text: JSON.stringify(record) }));
      return { open, created: before === undefined };
    }
    throw new AppError("unavailable", { message: "Others kept changing the board at the same time." });
  }

  /** Open every shard and the feed of a season that was saved as `opening`. */
  async #finishOpening(stored: StoredBoard): Promise<BoardRecord> {
    const { record } = stored;
    if (record.season.state !== "opening") return record;
    const open = derive(record);
    const calls = open.shards.map((keys) => ({
      script: "leaderboard/open_shard" as const,
      keys: Object.values(keys),
      args: [record.season.incarnation],
    }));
    for (const reply of await callAll(this.#redis, calls)) {
      const { tag, rest } = tagged(reply, ["opened", "already", "foreign"]);
      if (tag === "foreign") {
        throw new AppError("store_lost", {
          message: `A shard of ${record.board.id} belongs to incarnation ${rest[0]}.`,
        });
      }
    }
    await this.#openFeed(open);
    const opened: BoardRecord = {
      ...record,
      season: { ...record.season, state: "open" },
      revision: record.revision + 1,
    };
    // A conflict means that somebody else finished it, or has changed the board since: take what is there.
    if ((await this.#repository.save(opened, stored)) === "saved") return opened;
    const now = await this.#repository.get(record.board.id);
    return now ? now.record : opened;
  }

  /** Shards that an older version opened lack the keys of rules. What is lost stays so, and its submissions say it. */
  async #addRuleKeys({ season, shards }: OpenBoard): Promise<void> {
    const calls = shards.map(({ meta, rules, held }) => ({
      script: "leaderboard/add_rule_keys" as const,
      keys: [meta, rules, held],
      args: [season.incarnation],
    }));
    await callAll(this.#redis, calls);
  }

  #adopt(record: BoardRecord): OpenBoard {
    const open = derive(record);
    this.#boards.set(record.board.id, open);
    this.#texts.set(record.board.id, JSON.stringify(record));
    for (const listener of this.#listeners) listener(open);
    return open;
  }
}

function derive({ board, season }: BoardSeason): OpenBoard {
  return {
    board,
    season,
    layout: layoutOf(board, season),
    shards: shardKeys(board.id, season.number, board.shards),
    feed: feedKeys(board.id, season.number),
  };
}

function refuseFixedChanges(before: Board, after: Board): void {
  const changed = FIXED_FIELDS.filter(
    (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );
  if (changed.length === 0) return;
  throw new AppError("board_locked", {
    message: `${changed.join(", ")} of board "${before.id}" cannot change while its season is open.`,
    details: { changed },
  });
}

/** What anybody may know about a board. */
export function boardInfo({ board, season, layout }: OpenBoard): BoardInfo {
  return {
    board: board.id,
    order: board.order,
    operator: board.operator,
    columns: board.columns,
    layout: layout.kind,
    ties: board.ties,
    writers: board.writers,
    ...(board.rules?.signed ? { signed: true as const } : {}),
    visibility: board.visibility,
    shards: board.shards,
    topSize: board.topSize,
    profileFields: board.profileFields,
    season: {
      number: season.number,
      state: season.state,
      openedAt: new Date(season.openedAtMs).toISOString(),
      ...(season.endsAtMs === undefined ? {} : { endsAt: new Date(season.endsAtMs).toISOString() }),
    },
  };
}
