/** One member's row, for as long as it stays in the list. */
import type { Entry, ProfileField } from "../../client-sdk/index.ts";
import { CountingNumber } from "./counting-number.ts";
import { make, setText, wantsCalm } from "./dom.ts";
import { flagOf, markOf, shownName } from "./member-mark.ts";
import { type FormatNumber, formatChange, formatCount } from "./number-format.ts";
import { RankTrend } from "./rank-trend.ts";

export type RowDetails = {
  gap: string;
  format: FormatNumber;
  /** Of profiles, those that the board asks for. */
  fields: readonly ProfileField[];
  followed: boolean;
  nowMs: number;
};

const TREND_MS = 10_000;
/** As long as the move in board.css, with a little over. */
const MOVE_MS = 700;
const GLOW_MS = 1_100;
const PODIUM = 3;

export class BoardRow {
  readonly element = make("li", "row");
  readonly #button = make("button", "row-button");
  readonly #rank = make("span", "rank");
  readonly #trendMark = make("span", "trend");
  readonly #name = make("span", "name");
  readonly #flag = make("span", "flag");
  #mark: Element;
  #markText = "";
  readonly #gap = make("span", "gap");
  readonly #scoreText = make("span", "score");
  readonly #score = new CountingNumber(this.#scoreText);
  readonly #trend = new RankTrend(TREND_MS);
  #entry: Entry | undefined;
  #index: number | undefined;
  #movedAt = Number.NEGATIVE_INFINITY;

  constructor(member: string) {
    this.element.dataset.member = member;
    this.#button.type = "button";
    this.#mark = markOf(member, undefined, []);
    const player = make("span", "player", this.#name, this.#flag);
    this.#button.append(this.#rank, this.#trendMark, this.#mark, player, this.#gap, this.#scoreText);
    this.element.append(this.#button);
  }

  /** @param index the place in the list, from 0: not the rank, which may be shared */
  show(entry: Entry, index: number, { gap, format, fields, followed, nowMs }: RowDetails): void {
    if (index !== this.#index) this.#move(index, nowMs);
    if (entry !== this.#entry) this.#update(entry, format, nowMs);
    this.#showProfile(entry, fields);
    if (nowMs - this.#movedAt > MOVE_MS) delete this.element.dataset.moving;
    const change = this.#trend.change(nowMs);
    setText(this.#trendMark, formatChange(change));
    this.#trendMark.dataset.direction = change > 0 ? "up" : change < 0 ? "down" : "none";
    setText(this.#gap, gap);
    this.element.classList.toggle("followed", followed);
    this.#button.setAttribute("aria-pressed", String(followed));
  }

  /** Out of the list, downwards, and away. */
  leave(index: number): void {
    this.element.style.setProperty("--at", String(index));
    this.element.dataset.moving = "out";
    this.#button.disabled = true;
    setTimeout(() => this.element.remove(), MOVE_MS);
  }

  #move(index: number, nowMs: number): void {
    if (this.#index !== undefined) {
      // Who climbs passes in front of who falls.
      this.element.dataset.moving = index < this.#index ? "up" : "down";
      this.#movedAt = nowMs;
    }
    this.#index = index;
    this.element.classList.toggle("podium", index < PODIUM);
    this.element.style.setProperty("--at", String(index));
  }

  #update(entry: Entry, format: FormatNumber, nowMs: number): void {
    const before = this.#entry;
    this.#entry = entry;
    this.#trend.add(entry.rank, nowMs);
    setText(this.#rank, formatCount(entry.rank));
    this.#score.show(entry.score, format);
    const name = shownName(entry.member, entry.profile);
    this.#button.ariaLabel = `Rank ${entry.rank}: ${name}, ${format(entry.score)}. Follow`;
    if (before && before.score !== entry.score) this.#glow(entry.score > before.score ? "rise" : "fall");
  }

  #showProfile({ member, profile }: Entry, fields: readonly ProfileField[]): void {
    const country = profile?.country;
    setText(this.#name, shownName(member, profile));
    setText(this.#flag, flagOf(country));
    this.#flag.title = country ?? "";
    // A picture that stays is not loaded again.
    const markText = fields.includes("avatarUrl")
      ? `${profile?.avatarUrl} ${shownName(member, profile)}`
      : "";
    if (markText === this.#markText) return;
    this.#markText = markText;
    const mark = markOf(member, profile, fields);
    this.#mark.replaceWith(mark);
    this.#mark = mark;
  }

  #glow(direction: "rise" | "fall"): void {
    this.element.dataset.glow = direction;
    if (wantsCalm()) return;
    const timing = { duration: GLOW_MS, easing: "ease-out" };
    this.#button.animate([{ opacity: 1 }, { opacity: 0 }], { ...timing, pseudoElement: "::after" });
    this.#scoreText.animate([{ color: `var(--${direction})` }, { color: "inherit" }], timing);
  }
}
