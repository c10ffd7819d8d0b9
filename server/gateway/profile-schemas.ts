/** zod for profiles. What is not described here is refused, and so is what the database cannot keep as it is. */
import { z } from "zod";
import { member, plain } from "./schemas.ts";

export const PROFILES_MAX = 1_000;
export const NAME_CHARACTERS_MAX = 64;
export const AVATAR_CHARACTERS_MAX = 2_048;
export const EXTRA_BYTES_MAX = 16 * 1_024;
const EXTRA_DEPTH_MAX = 32;

/** ISO 3166-1 alpha-2. */
const COUNTRIES = new Set(
  (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO " +
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE " +
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO " +
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW " +
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM " +
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
  ).split(" "),
);

/** Marks that turn the direction of the text after them, so that one name could pass for another. */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/;

const displayName = plain
  .refine(
    (name) => [...name].length <= NAME_CHARACTERS_MAX,
    `must be at most ${NAME_CHARACTERS_MAX} characters`,
  )
  .refine((name) => name.trim() === name, "must not begin or end with a space")
  .refine((name) => !TURNS.test(name), "must not turn the direction of text");

const avatarUrl = plain
  .max(AVATAR_CHARACTERS_MAX)
  .refine((url) => URL.canParse(url) && new URL(url).protocol === "https:", "must be an https URL");

const country = z
  .string()
  .refine((code) => COUNTRIES.has(code), "must be a country of ISO 3166-1 alpha-2, such as CH");

/** In JSON text; behind an odd number of backslashes, since an even one is backslashes that were meant. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

const extra = z
  .unknown()
  .refine((value) => depthOf(value) <= EXTRA_DEPTH_MAX, `must be at most ${EXTRA_DEPTH_MAX} levels deep`)
  .refine(
    (value) =>
      depthOf(value) > EXTRA_DEPTH_MAX || Buffer.byteLength(JSON.stringify(value)) <= EXTRA_BYTES_MAX,
    `must be at most ${EXTRA_BYTES_MAX} bytes of JSON`,
  )
  .refine(
    (value) => depthOf(value) > EXTRA_DEPTH_MAX || !UNSTORABLE.test(JSON.stringify(value)),
    "must not contain NUL or lone surrogates",
  )
  .refine(
    (value) => depthOf(value) > EXTRA_DEPTH_MAX || isStorable(value),
    "must not contain numbers beyond float64",
  );

const fields = {
  displayName: displayName.optional(),
  avatarUrl: avatarUrl.optional(),
  country: country.optional(),
  extra: extra.optional(),
};

export const profile = z.strictObject(fields);
export const profileChange = z
  .strictObject({
    displayName: displayName.nullish(),
    avatarUrl: avatarUrl.nullish(),
    country: country.nullish(),
    extra: extra.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, "must name a field to change");

/** Many at once: to read them, and to import them. */
export const profilesQuestion = z.strictObject({ members: z.array(member).min(1) });
export const profilesImport = z.strictObject({
  profiles: z.array(z.strictObject({ member, ...fields })).min(1),
});

/** Levels of arrays and objects; stops counting where it is too deep already. */
function depthOf(value: unknown, above = 0): number {
  if (typeof value !== "object" || value === null || above > EXTRA_DEPTH_MAX) return above;
  let deepest = above + 1;
  for (const one of Object.values(value)) deepest = Math.max(deepest, depthOf(one, above + 1));
  return deepest;
}

/** JSON.parse makes Infinity of 1e400, and JSON.stringify null of that. */
function isStorable(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || value === null || Object.values(value).every(isStorable);
}
