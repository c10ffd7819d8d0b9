/** The card of the followed player. */
import type { RankAnswer } from "../../client-sdk/index.ts";
import { CountingNumber } from "./counting-number.ts";
import { byId, setText } from "./dom.ts";
import { type FormatNumber, formatChange, formatCount, formatPercentile } from "./number-format.ts";
import { pixelFigureOf } from "./pixel-figure.ts";
import { RankTrend } from "./rank-trend.ts";
import { Sparkline } from "./sparkline.ts";

const TREND_MS = 30_000;
const HISTORY_SECONDS = 60;

export class FollowCard {
  readonly #mark = byId("follow-mark", HTMLElement);
  readonly #name = byId("follow-name", HTMLElement);
  readonly #rank = byId("follow-rank", HTMLElement);
  readonly #total = byId("follow-total", HTMLElement);
  readonly #change = byId("follow-change", HTMLElement);
  readonly #score = new CountingNumber(byId("follow-score", HTMLElement));
  readonly #percentile = byId("follow-percentile", HTMLElement);
  readonly #spark = new Sparkline(byId("follow-spark", SVGSVGElement), {
    points: HISTORY_SECONDS,
    spanMin: 4,
    inverted: true,
  });
  #trend = new RankTrend(TREND_MS);
  /** The rank at each of the last seconds. */
  #history: number[] = [];
  #answer: RankAnswer | undefined;

  constructor(onAnother: () => void) {
    byId("follow-another", HTMLButtonElement).addEventListener("click", onAnother);
  }

  /** Somebody else is followed: nothing of the one before may be taken for theirs. */
  showMember(member: string): void {
    this.#trend = new RankTrend(TREND_MS);
    this.#history = [];
    this.#answer = undefined;
    this.#spark.draw([]);
    this.#mark.replaceChildren(pixelFigureOf(member));
    setText(this.#name, member);
    setText(this.#rank, "–");
    setText(this.#change, "");
  }

  showAnswer(answer: RankAnswer, format: FormatNumber, nowMs: number): void {
    const isFirst = this.#answer === undefined;
    this.#answer = answer;
    this.#trend.add(answer.rank, nowMs);
    setText(this.#rank, formatCount(answer.rank));
    setText(this.#total, formatCount(answer.total));
    setText(this.#percentile, formatPercentile(answer.percentile));
    if (isFirst) this.#score.jump(answer.score, format);
    else this.#score.show(answer.score, format);
  }

  /** To be called once a second. */
  tick(nowMs: number): void {
    if (!this.#answer) return;
    const change = this.#trend.change(nowMs);
    setText(this.#change, formatChange(change) || "±0");
    this.#change.dataset.direction = change > 0 ? "up" : change < 0 ? "down" : "none";
    this.#history = [...this.#history, this.#answer.rank].slice(-HISTORY_SECONDS);
    this.#spark.draw(this.#history);
  }
}
