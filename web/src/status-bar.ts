/** Everything about the board as a whole: connection, activity, rules, position. */
import type { BoardInfo, TopSnapshot } from "../../client-sdk/index.ts";
import { byId, setText } from "./dom.ts";
import type { LinkState } from "./link-state.ts";
import { formatCount, formatRate } from "./number-format.ts";
import { RateMeter } from "./rate-meter.ts";
import { Sparkline } from "./sparkline.ts";

const HISTORY_SECONDS = 60;

export class StatusBar {
  readonly #link = byId("link", HTMLElement);
  readonly #total = byId("total", HTMLElement);
  readonly #frameRate = byId("frame-rate", HTMLElement);
  readonly #rowRate = byId("row-rate", HTMLElement);
  readonly #rules = byId("rules", HTMLElement);
  readonly #position = byId("position", HTMLElement);
  readonly #spark = new Sparkline(byId("row-spark", SVGSVGElement), {
    points: HISTORY_SECONDS,
    floor: 0,
    spanMin: 5,
  });
  readonly #frames = new RateMeter(HISTORY_SECONDS, performance.now());
  readonly #rows = new RateMeter(HISTORY_SECONDS, performance.now());

  /** One frame came, and changed this many of the rows shown. */
  countFrame(rowsChanged: number, nowMs: number): void {
    this.#frames.add(1, nowMs);
    this.#rows.add(rowsChanged, nowMs);
  }

  show({ kind, label }: LinkState, { total, position, info }: TopSnapshot): void {
    setText(this.#link, label);
    this.#link.dataset.kind = kind;
    document.body.dataset.link = kind;
    if (position) {
      setText(this.#total, formatCount(total));
      setText(this.#position, `${position.epoch}:${position.offset}`);
    }
    if (info) setText(this.#rules, rulesOf(info));
  }

  /** To be called once a second. */
  tick(nowMs: number): void {
    setText(this.#frameRate, formatRate(this.#frames.perSecond(nowMs)));
    setText(this.#rowRate, formatRate(this.#rows.perSecond(nowMs)));
    this.#spark.draw(this.#rows.history(nowMs));
  }
}

function rulesOf({ operator, order, shards, season }: BoardInfo): string {
  const winner = order === "desc" ? "highest first" : "lowest first";
  return `Season ${season.number} · ${operator} · ${winner} · ${shards} ${shards === 1 ? "shard" : "shards"}`;
}
