/** A number that counts to its new value instead of jumping there. */
import { setText, wantsCalm } from "./dom.ts";
import type { FormatNumber } from "./number-format.ts";

const DURATION_MS = 450;

export class CountingNumber {
  readonly #element: Element;
  #format: FormatNumber = String;
  #shown: number | undefined;
  #from = 0;
  #target: number | undefined;
  #startedAt = 0;
  #frame = 0;

  constructor(element: Element) {
    this.#element = element;
  }

  show(value: number, format: FormatNumber): void {
    if (value === this.#target && format === this.#format) return;
    this.#format = format;
    this.#target = value;
    if (this.#shown === undefined || wantsCalm()) this.#jump(value);
    else {
      this.#from = this.#shown;
      this.#startedAt = performance.now();
      if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#step);
    }
  }

  #jump(value: number): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#put(value);
  }

  /** There is no number for now: `text`, and the next number comes at once. */
  clear(text: string): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#shown = undefined;
    this.#target = undefined;
    setText(this.#element, text);
  }

  readonly #step = (): void => {
    const target = this.#target ?? 0;
    const part = Math.min(1, (performance.now() - this.#startedAt) / DURATION_MS);
    const eased = 1 - (1 - part) ** 3;
    this.#frame = part < 1 ? requestAnimationFrame(this.#step) : 0;
    this.#put(part < 1 ? this.#from + (target - this.#from) * eased : target);
  };

  #put(value: number): void {
    this.#shown = value;
    setText(this.#element, this.#format(value));
  }
}
