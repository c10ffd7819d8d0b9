/** Which shard a member is on, and the hash under which a shard remembers an id. 64-bit xxHash, compiled to WebAssembly. */
import xxhash from "xxhash-wasm";

export type Hasher = {
  /** @param shards a power of two */
  shardOf(member: string, shards: number): number;
  /**
   * 64 bits of (member, id) as 12 characters: the longest text that stays in Redis's 16-byte size class.
   * @param salt the season's own, secret: without it a player could make an id that meets another player's
   */
  idHash(salt: string, member: string, id: string): string;
};

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LOW_HALF = 0xffff_ffffn;

export async function createHasher(): Promise<Hasher> {
  const { h64 } = await xxhash();
  return {
    shardOf: (member, shards) => (shards === 1 ? 0 : Number(h64(member) & BigInt(shards - 1))),
    idHash: (salt, member, id) => {
      // Members hold no control characters, so the separators keep (member, id) apart from any other pair.
      const hash = h64(`${salt}\n${member}\n${id}`);
      return sixCharacters(Number(hash >> 32n)) + sixCharacters(Number(hash & LOW_HALF));
    },
  };
}

function sixCharacters(word: number): string {
  let text = "";
  let rest = word;
  for (let i = 0; i < 6; i++) {
    text += ALPHABET[rest % 64];
    rest = Math.floor(rest / 64);
  }
  return text;
}
