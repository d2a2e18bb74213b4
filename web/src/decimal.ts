/**
 * Exact decimals. The feeds send prices, sizes and amounts as decimal strings, and what the page
 * prints of them is made from those strings, digit by digit: no binary floating point touches a
 * value that is shown. `toUnits` gives whole numbers for sorting and summing in a book;
 * `ratio` and `drawn` are the two ways out to inexact numbers, for pixels only.
 */

export type Decimal = string;

const PATTERN = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;
const MINUS = "−";
const NOTHING = "–";

/** A value as `digits` times ten to the minus `scale`. */
interface Exact {
  digits: bigint;
  scale: number;
}

function read(text: Decimal): Exact {
  const match = PATTERN.exec(text);
  if (match === null) throw new RangeError(`not a decimal number: ${JSON.stringify(text)}`);
  const [, sign, whole = "0", fraction = "", exponent = "0"] = match;
  let digits = BigInt(whole + fraction);
  let scale = fraction.length - Number(exponent);
  if (scale < 0) {
    digits *= 10n ** BigInt(-scale);
    scale = 0;
  }
  return { digits: sign === "-" ? -digits : digits, scale };
}

function write({ digits, scale }: Exact): Decimal {
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, "0");
  const split = text.length - scale;
  const plain = scale === 0 ? text : `${text.slice(0, split)}.${text.slice(split)}`;
  return digits < 0n ? `-${plain}` : plain;
}

function digitsAt(value: Exact, scale: number): bigint {
  return value.digits * 10n ** BigInt(scale - value.scale);
}

/** The number of decimals a step asks for: 2 for "0.01", 0 for "5", 5 for "0.00001000". */
export function decimalsOf(step: Decimal): number {
  const { digits, scale } = read(step);
  let decimals = scale;
  for (let rest = digits; decimals > 0 && rest % 10n === 0n; rest /= 10n) decimals -= 1;
  return decimals;
}

/**
 * The value in whole units of ten to the minus `decimals`. The exchange keeps prices and sizes
 * below 2^53 steps, so the number is exact.
 *
 * Throws a RangeError if the value is finer than a unit or too large.
 */
export function toUnits(text: Decimal, decimals: number): number {
  const value = read(text);
  let digits = value.digits;
  if (value.scale > decimals) {
    const step = 10n ** BigInt(value.scale - decimals);
    if (digits % step !== 0n) throw new RangeError(`${text} has more than ${decimals} decimals`);
    digits /= step;
  } else {
    digits = digitsAt(value, decimals);
  }
  const units = Number(digits);
  if (!Number.isSafeInteger(units)) throw new RangeError(`${text} is too large`);
  return units;
}

/** The decimal string of whole units; the inverse of `toUnits`. */
export function fromUnits(units: number, decimals: number): Decimal {
  return write({ digits: BigInt(units), scale: decimals });
}

export function add(a: Decimal, b: Decimal): Decimal {
  const [x, y] = [read(a), read(b)];
  const scale = Math.max(x.scale, y.scale);
  return write({ digits: digitsAt(x, scale) + digitsAt(y, scale), scale });
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  const [x, y] = [read(a), read(b)];
  return write({ digits: x.digits * y.digits, scale: x.scale + y.scale });
}

export function negate(text: Decimal): Decimal {
  const value = read(text);
  return write({ digits: -value.digits, scale: value.scale });
}

export function absolute(text: Decimal): Decimal {
  return sign(text) < 0 ? negate(text) : text;
}

/** -1, 0 or 1. */
export function sign(text: Decimal): -1 | 0 | 1 {
  const { digits } = read(text);
  return digits > 0n ? 1 : digits < 0n ? -1 : 0;
}

/** Negative where a < b, 0 where they are equal in value, positive where a > b. */
export function compare(a: Decimal, b: Decimal): -1 | 0 | 1 {
  return sign(add(a, negate(b)));
}

/** The value with exactly that many decimals; halves go away from zero, as on paper. */
export function round(text: Decimal, decimals: number): Decimal {
  const value = read(text);
  if (value.scale <= decimals) {
    return write({ digits: digitsAt(value, decimals), scale: decimals });
  }
  const step = 10n ** BigInt(value.scale - decimals);
  const positive = value.digits < 0n ? -value.digits : value.digits;
  const rounded = (positive + step / 2n) / step;
  return write({ digits: value.digits < 0n ? -rounded : rounded, scale: decimals });
}

/** The value without zeros at the end: "0.0100" becomes "0.01". */
export function trimmed(text: Decimal): Decimal {
  return round(text, decimalsOf(text));
}

/**
 * The value for people: thousands separated, a typographic minus, rounded where `decimals` is
 * given. Null becomes a dash; text that is no number is shown as it came.
 */
export function shown(text: Decimal | null | undefined, decimals?: number): string {
  if (text === null || text === undefined) return NOTHING;
  if (!PATTERN.test(text)) return text;
  const plain = decimals === undefined ? write(read(text)) : round(text, decimals);
  const [whole = "", fraction] = plain.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const negative = plain.startsWith("-") && /[1-9]/.test(plain);
  return (negative ? MINUS : "") + (fraction === undefined ? grouped : `${grouped}.${fraction}`);
}

/** As `shown`, with a plus sign in front of gains. */
export function signed(text: Decimal | null | undefined, decimals?: number): string {
  const plain = shown(text, decimals);
  return /^[\d,.]*[1-9]/.test(plain) ? `+${plain}` : plain;
}

/** A large volume in few characters: "1,234.5" stays short as "1.23K"; exact below a thousand. */
export function compact(text: Decimal | null | undefined): string {
  if (text === null || text === undefined) return NOTHING;
  if (!PATTERN.test(text)) return text;
  for (const [exponent, letter] of [
    [9, "B"],
    [6, "M"],
    [3, "K"],
  ] as const) {
    if (compare(absolute(text), `1e${exponent}`) >= 0) {
      return shown(multiply(text, `1e-${exponent}`), 2) + letter;
    }
  }
  return shown(text, 2);
}

/** a / b as an inexact number for bars and gauges; 0 where b is 0. */
export function ratio(a: Decimal, b: Decimal): number {
  const divisor = drawn(b);
  return divisor === 0 ? 0 : drawn(a) / divisor;
}

/** The nearest binary number, for drawing. Never printed. */
export function drawn(text: Decimal): number {
  return Number(text);
}
