/** Names for simulated players: easy to say, all different, and the same ones at every start. */
import { randomFrom } from "./random.ts";

const FIRST = [
  ..."amber arctic astra azure blaze bold brisk cedar cobalt comet coral crimson dusk echo ember fable flint".split(
    " ",
  ),
  ..."frost gala gilded halo hazel indigo ivory jade jolly karma lucky lunar maple merry mint nova opal".split(
    " ",
  ),
  ..."pepper pixel quartz quick rapid river rogue ruby sable saga silver solar sonic spark storm sunny".split(
    " ",
  ),
  ..."swift tango tidal turbo umber velvet vivid wild zen zesty".split(" "),
];
const SECOND = [
  ..."badger bison cobra condor corgi coyote crane dingo dolphin falcon ferret finch fox gecko gibbon".split(
    " ",
  ),
  ..."heron husky ibex iguana jackal jaguar kestrel koala lemur lynx magpie mantis marlin marten mole".split(
    " ",
  ),
  ..."newt ocelot orca osprey otter owl panda panther puffin puma quokka raven robin salmon serval".split(
    " ",
  ),
  ..."shrike stoat swan tapir tiger toucan viper walrus weasel wombat yak zebra".split(" "),
];
const SEED = 20_260_101;
const NUMBER_MAX = 99;

export const NAMES_MAX = 100_000;

/** The first `count` names; fewer are the beginning of more. */
export function playerNames(count: number): string[] {
  if (count > NAMES_MAX) throw new RangeError(`There are ${NAMES_MAX} names, not ${count}.`);
  const random = randomFrom(SEED);
  const one = (words: string[]): string => words[Math.floor(random() * words.length)]!;
  const names = new Set<string>();
  while (names.size < count) {
    names.add(`${one(FIRST)}-${one(SECOND)}-${1 + Math.floor(random() * NUMBER_MAX)}`);
  }
  return [...names];
}
