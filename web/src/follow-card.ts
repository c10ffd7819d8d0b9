/** The card of the followed player. */
import type { Entry, MeSnapshot, ProfileField } from "../../client-sdk/index.ts";
import { CountingNumber } from "./counting-number.ts";
import { byId, setText, wantsCalm } from "./dom.ts";
import { flagOf, markOf, shownName } from "./member-mark.ts";
import {
  type FormatNumber,
  formatChange,
  formatCount,
  formatError,
  formatPercentile,
} from "./number-format.ts";
import { Sparkline } from "./sparkline.ts";

const HISTORY_SECONDS = 60;
const GLOW_MS = 1_400;
/** Of the rank's, with the space before it: the most that panels.css makes of it where the rank is long. */
const ERROR_SIZE = 0.4;
/** Also on the way from one rank to another there are whole ranks only. */
const formatRank = (rank: number): string => formatCount(Math.round(rank));

export class FollowCard {
  readonly #card = byId("follow", HTMLElement);
  readonly #mark = byId("follow-mark", HTMLElement);
  readonly #name = byId("follow-name", HTMLElement);
  readonly #flag = byId("follow-flag", HTMLElement);
  readonly #rankText = byId("follow-rank", HTMLElement);
  readonly #rank = new CountingNumber(this.#rankText);
  readonly #error = byId("follow-error", HTMLElement);
  readonly #total = byId("follow-total", HTMLElement);
  readonly #change = byId("follow-change", HTMLElement);
  readonly #scoreText = byId("follow-score", HTMLElement);
  readonly #score = new CountingNumber(this.#scoreText);
  readonly #percentile = byId("follow-percentile", HTMLElement);
  readonly #note = byId("follow-note", HTMLElement);
  readonly #spark = new Sparkline(byId("follow-spark", SVGSVGElement), {
    points: HISTORY_SECONDS,
    spanMin: 4,
    inverted: true,
  });
  /** The rank at each of the last seconds. */
  #history: number[] = [];
  #profileText = "";
  #shown: MeSnapshot | undefined;

  constructor(onAnother: () => void) {
    byId("follow-another", HTMLButtonElement).addEventListener("click", onAnother);
  }

  /** Somebody else is followed: nothing of the one before may be taken for theirs. */
  showMember(member: string): void {
    this.#history = [];
    this.#shown = undefined;
    this.#spark.draw([]);
    this.showProfile({ member }, []);
    this.#rank.clear("–");
    this.#score.clear("–");
    for (const place of [this.#total, this.#percentile]) setText(place, "–");
    for (const place of [this.#change, this.#error]) setText(place, "");
  }

  /** What the board tells of the followed one, as an entry has it. */
  showProfile({ member, profile }: Pick<Entry, "member" | "profile">, fields: readonly ProfileField[]): void {
    const text = JSON.stringify([member, profile, fields]);
    if (text === this.#profileText) return;
    this.#profileText = text;
    this.#mark.replaceChildren(markOf(member, profile, fields));
    setText(this.#name, shownName(member, profile));
    setText(this.#flag, flagOf(profile?.country));
  }

  show(me: MeSnapshot, format: FormatNumber): void {
    if (me === this.#shown) return;
    const before = this.#shown?.standing;
    this.#shown = me;
    this.#card.dataset.status = me.status;
    setText(this.#note, me.status === "error" ? (me.error?.message ?? "") : "");
    const { standing, change } = me;
    if (!standing || standing === before || standing.rank === null) return;
    const { rank, error, total, percentile, score = 0 } = standing;
    this.#fit(formatCount(rank).length, formatError(error).length);
    this.#rank.show(rank, formatRank);
    this.#score.show(score, format);
    setText(this.#error, formatError(error));
    setText(this.#total, formatCount(total));
    setText(this.#percentile, formatPercentile(percentile));
    setText(this.#change, formatChange(change) || "±0");
    this.#change.dataset.direction = change > 0 ? "up" : change < 0 ? "down" : "none";
    if (before && before.rank !== rank) this.#glow(change > 0 ? "rise" : "fall");
  }

  /** To be called once a second. */
  tick(): void {
    const rank = this.#shown?.standing?.rank;
    if (typeof rank !== "number") return;
    this.#history = [...this.#history, rank].slice(-HISTORY_SECONDS);
    this.#spark.draw(this.#history);
  }

  /** The more places a rank has, the smaller it is written. */
  #fit(rankLength: number, errorLength: number): void {
    const length = rankLength + errorLength * ERROR_SIZE;
    this.#card.style.setProperty("--characters", length.toFixed(1));
  }

  #glow(tone: "rise" | "fall"): void {
    if (wantsCalm()) return;
    const timing = { duration: GLOW_MS, easing: "ease-out" };
    this.#rankText.animate([{ color: `var(--${tone})` }, { color: "inherit" }], timing);
  }
}
