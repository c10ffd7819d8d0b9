/**
 * Which members would change a HyperLogLog of Redis. A gateway keeps the registers that it has raised, and sends only members that raise
 * one: a few ten thousand a day instead of everybody in every second, for the same answer.
 *
 * The hash and the registers are Redis's own (MurmurHash64A, 2^14 registers); `test/lua/counters.test.ts` compares the two.
 */

const REGISTERS = 16_384;
const SEED = 0xadc83b19;
const FACTOR_HIGH = 0xc6a4a793;
const FACTOR_LOW = 0x5bd1e995;
/** Longer than any member may be. */
const BYTES_MAX = 1_024;

const bytes = Buffer.alloc(BYTES_MAX + 8);

export class PlayerSketch {
  readonly #registers = new Uint8Array(REGISTERS);
  /** The two halves of the 64-bit number at hand: JavaScript's own numbers hold 53 bits, and bigints are slow. */
  #high = 0;
  #low = 0;

  /** True when the member raises a register, as it then has. */
  raise(member: string): boolean {
    const length = bytes.write(member, 0, BYTES_MAX, "utf8");
    this.#hash(length);
    const register = this.#low & (REGISTERS - 1);
    const rank = 1 + this.#zerosAbove();
    if (this.#registers[register]! >= rank) return false;
    this.#registers[register] = rank;
    return true;
  }

  /** Zero bits in a row above the 14 of the register, 50 at most. */
  #zerosAbove(): number {
    const low = this.#low >>> 14;
    if (low !== 0) return lowestBit(low);
    return this.#high === 0 ? 50 : 18 + lowestBit(this.#high);
  }

  #hash(length: number): void {
    this.#high = 0;
    this.#low = length;
    this.#multiply();
    this.#low ^= SEED;
    // What is behind the end counts as zeros.
    bytes.fill(0, length, length + 8);
    const whole = length - (length % 8);
    for (let at = 0; at < whole; at += 8) {
      const [high, low] = [this.#high, this.#low];
      this.#low = bytes.readUInt32LE(at);
      this.#high = bytes.readUInt32LE(at + 4);
      this.#multiply();
      this.#fold();
      this.#multiply();
      this.#high ^= high;
      this.#low ^= low;
      this.#multiply();
    }
    if (whole < length) {
      this.#low ^= bytes.readUInt32LE(whole);
      this.#high ^= bytes.readUInt32LE(whole + 4);
      this.#multiply();
    }
    this.#fold();
    this.#multiply();
    this.#fold();
  }

  /** `n ^= n >> 47` */
  #fold(): void {
    this.#low ^= this.#high >>> 15;
  }

  /** `n *= 0xc6a4a7935bd1e995`, of which 64 bits stay. */
  #multiply(): void {
    const low = this.#low >>> 0;
    const carried = highOfProduct(low, FACTOR_LOW);
    this.#high = (carried + Math.imul(this.#high, FACTOR_LOW) + Math.imul(low, FACTOR_HIGH)) | 0;
    this.#low = Math.imul(low, FACTOR_LOW);
  }
}

function lowestBit(value: number): number {
  return 31 - Math.clz32(value & -value);
}

/** The upper 32 of the 64 bits of a product of two 32-bit numbers. */
function highOfProduct(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const crossed = aHigh * bLow;
  const other = aLow * bHigh;
  const middle = ((aLow * bLow) >>> 16) + (crossed & 0xffff) + (other & 0xffff);
  return aHigh * bHigh + (crossed >>> 16) + (other >>> 16) + (middle >>> 16);
}
