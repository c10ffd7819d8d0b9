/**
 * Numbers as text of fixed length whose order, letter by letter, is theirs. Pure.
 *
 * 64 letters in the order of their ASCII bytes, 6 bits each. `lua/include/apply_wide.lua` reads and writes the digits too.
 */

const ALPHABET = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const VALUES = new Uint8Array(128);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/** Letters of a 64-bit number. */
export const WORD_LENGTH = 11;

/** 1 for "smaller first", −1 for "larger first". */
export type Direction = 1 | -1;

/** Letters that hold every digit of [0, radix). @param radix at most 2^53 */
export function digitLength(radix: number): number {
  let length = 1;
  for (let room = 64; room < radix; room *= 64) length++;
  return length;
}

export function digitText(digit: number, length: number): string {
  let text = "";
  let rest = digit;
  for (let i = 0; i < length; i++) {
    const low = rest % 64;
    text = ALPHABET[low] + text;
    rest = (rest - low) / 64;
  }
  return text;
}

export function digitAt(text: string, from: number, length: number): number {
  let digit = 0;
  for (let i = from; i < from + length; i++) digit = digit * 64 + VALUES[text.charCodeAt(i)]!;
  return digit;
}

const word = new DataView(new ArrayBuffer(8));

/** 11 letters. @param value finite; −0 is 0 */
export function floatText(value: number, direction: Direction): string {
  word.setFloat64(0, value === 0 ? 0 : value);
  // The bits of floats are in order once negative ones are inverted and come before the others.
  const negative = word.getInt32(0) < 0;
  return wordText(negative ? -1 : 0x8000_0000, negative ? -1 : 0, direction);
}

export function floatAt(text: string, from: number, direction: Direction): number {
  readWord(text, from, direction);
  const negative = word.getInt32(0) >= 0;
  flip(negative ? -1 : 0x8000_0000, negative ? -1 : 0);
  return word.getFloat64(0);
}

/** 11 letters. @param value within 64 signed bits */
export function int64Text(value: bigint, direction: Direction): string {
  word.setBigInt64(0, value);
  return wordText(0x8000_0000, 0, direction);
}

export function int64At(text: string, from: number, direction: Direction): bigint {
  readWord(text, from, direction);
  flip(0x8000_0000, 0);
  return word.getBigInt64(0);
}

function flip(high: number, low: number): void {
  word.setUint32(0, word.getUint32(0) ^ high);
  word.setUint32(4, word.getUint32(4) ^ low);
}

/** The word in 4 + 30 + 30 bits, after it is flipped. */
function wordText(flipHigh: number, flipLow: number, direction: Direction): string {
  flip(flipHigh, flipLow);
  if (direction === -1) flip(-1, -1);
  const high = word.getUint32(0);
  const low = word.getUint32(4);
  const middle = (high & 0x0fff_ffff) * 4 + (low >>> 30);
  return digitText(high >>> 28, 1) + digitText(middle, 5) + digitText(low & 0x3fff_ffff, 5);
}

function readWord(text: string, from: number, direction: Direction): void {
  const middle = digitAt(text, from + 1, 5);
  word.setUint32(0, digitAt(text, from, 1) * 0x1000_0000 + Math.floor(middle / 4));
  word.setUint32(4, (middle % 4) * 0x4000_0000 + digitAt(text, from + 6, 5));
  if (direction === -1) flip(-1, -1);
}
