/**
 * A rank index as it travels: one binary frame, 12 bytes a boundary.
 *
 * Little-endian: version (1 byte), length of the incarnation (1), shards (2), boundaries (4), asOf, total, token and sequence
 * (8 each, doubles), the incarnation, a double for n of each shard, the boundaries as doubles, the counts as unsigned 32-bit integers.
 */
import { assert } from "../base/assert.ts";
import { RankIndex } from "./rank-index.ts";

const VERSION = 2;
const HEAD = 40;

export function encodeIndex({ facts, boundaries, below }: RankIndex): Buffer {
  const { incarnation, ns, asOf, total, token, sequence } = facts;
  assert(incarnation.length < 256 && total < 2 ** 32, "an index frame holds 32-bit counts");
  const frame = Buffer.alloc(HEAD + incarnation.length + 8 * ns.length + 12 * boundaries.length);
  frame.writeUInt8(VERSION, 0);
  frame.writeUInt8(incarnation.length, 1);
  frame.writeUInt16LE(ns.length, 2);
  frame.writeUInt32LE(boundaries.length, 4);
  frame.writeDoubleLE(asOf, 8);
  frame.writeDoubleLE(total, 16);
  frame.writeDoubleLE(token, 24);
  frame.writeDoubleLE(sequence, 32);
  let at = HEAD + frame.write(incarnation, HEAD, "latin1");
  for (const n of ns) at = frame.writeDoubleLE(n, at);
  for (const key of boundaries) at = frame.writeDoubleLE(key, at);
  for (const count of below) at = frame.writeUInt32LE(count, at);
  return frame;
}

/** Undefined for an empty frame, or one of another version: the next one will do. */
export function decodeIndex(frame: Buffer): RankIndex | undefined {
  if (frame.length < HEAD || frame.readUInt8(0) !== VERSION) return undefined;
  const nameLength = frame.readUInt8(1);
  const ns = new Array<number>(frame.readUInt16LE(2));
  const count = frame.readUInt32LE(4);
  const incarnation = frame.toString("latin1", HEAD, HEAD + nameLength);
  let at = HEAD + nameLength;
  for (let i = 0; i < ns.length; i++, at += 8) ns[i] = frame.readDoubleLE(at);
  const boundaries = new Float64Array(count);
  const below = new Float64Array(count);
  for (let i = 0; i < count; i++, at += 8) boundaries[i] = frame.readDoubleLE(at);
  for (let i = 0; i < count; i++, at += 4) below[i] = frame.readUInt32LE(at);
  const facts = {
    incarnation,
    token: frame.readDoubleLE(24),
    sequence: frame.readDoubleLE(32),
    asOf: frame.readDoubleLE(8),
    total: frame.readDoubleLE(16),
    ns,
  };
  return new RankIndex(facts, boundaries, below);
}
