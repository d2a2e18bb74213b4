/**
 * Faults of the exchange as the page shows and sets them: the same document that
 * `steelyard faults` prints, and the same call that it makes.
 *
 * What is typed is read here; whether it fits is the server's to say.
 */

export interface Fault {
  number: number;
  fault: string;
  dialect: string | null;
  where: string | null;
  account: string | null;
  chance_e6: number;
  after: number;
  times: number | null;
  met: number;
  struck: number;
  over: boolean;
  delay_ms?: [number, number];
  status?: number;
  retry_after_ms?: number;
  parts_e6?: number[];
  skew_ms?: number;
}

export interface FaultList {
  seed: number;
  faults: Fault[];
}

export type Part = "where" | "who" | "delay" | "status" | "retry" | "parts" | "skew";

interface Kind {
  name: string;
  /** What it does, in a line. */
  does: string;
  parts: readonly Part[];
}

export interface Group {
  name: string;
  kinds: readonly Kind[];
}

const MEETS = ["where", "who"] as const;

export const GROUPS: readonly Group[] = [
  {
    name: "A request",
    kinds: [
      { name: "lost-request", does: "never taken up, never answered", parts: MEETS },
      { name: "lost-answer", does: "taken up, never answered", parts: MEETS },
      { name: "slow-request", does: "taken up late", parts: [...MEETS, "delay"] },
      { name: "slow-answer", does: "taken up at once, answered late", parts: [...MEETS, "delay"] },
      { name: "repeated-request", does: "taken up twice, answered once", parts: MEETS },
      { name: "reset-request", does: "not taken up, the connection is cut", parts: MEETS },
      { name: "reset-answer", does: "taken up, the connection is cut", parts: MEETS },
      { name: "half-open", does: "nothing more on its connection is taken up", parts: MEETS },
      { name: "refused", does: "not taken up, answered by a status", parts: [...MEETS, "status", "retry"] },
      { name: "failed", does: "taken up, answered by a status", parts: [...MEETS, "status", "retry"] },
      { name: "maintenance", does: "answered as in a maintenance", parts: [...MEETS, "retry"] },
    ],
  },
  {
    name: "What a WebSocket tells",
    kinds: [
      { name: "lost-frame", does: "a message never comes", parts: MEETS },
      { name: "slow-frame", does: "it comes late, and all behind it", parts: [...MEETS, "delay"] },
      { name: "repeated-frame", does: "it comes twice", parts: MEETS },
      { name: "swapped-frame", does: "it comes behind the next one", parts: MEETS },
      { name: "reset-stream", does: "the connection breaks", parts: MEETS },
      { name: "silent-stream", does: "nothing comes any more, and it stays open", parts: MEETS },
    ],
  },
  {
    name: "A new order",
    kinds: [
      { name: "partial-fills", does: "it fills in parts, by a script", parts: [...MEETS, "parts", "delay"] },
    ],
  },
  {
    name: "A clock",
    kinds: [{ name: "clock-skew", does: "it is wrong while this is in force", parts: ["skew"] }],
  },
];

/** What a form holds, as it was typed. */
export interface Draft {
  trouble: string;
  dialect: string;
  where: string;
  account: string;
  chance: string;
  after: string;
  times: string;
  delay: string;
  status: string;
  retry: string;
  parts: string;
  skew: string;
}

export const BLANK: Draft = {
  trouble: "lost-answer",
  dialect: "",
  where: "",
  account: "",
  chance: "100",
  after: "0",
  times: "1",
  delay: "1s",
  status: "503",
  retry: "1s",
  parts: "0.5, 0.3, 0.2",
  skew: "3s",
};

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const NS_PER_MS = 1_000_000;
const CERTAIN_E6 = 1_000_000;

export class Mistyped extends Error {
  override readonly name = "Mistyped";

  constructor(
    readonly field: keyof Draft,
    message: string,
  ) {
    super(message);
  }
}

export function kindOf(trouble: string): Kind {
  const found = GROUPS.flatMap(({ kinds }) => kinds).find(({ name }) => name === trouble);
  if (found === undefined) throw new Error(`no fault is called ${trouble}`);
  return found;
}

/** The call that puts a draft in force. Throws Mistyped. */
export function callOf(draft: Draft): object {
  const { parts } = kindOf(draft.trouble);
  const fault: Record<string, unknown> = { trouble: draft.trouble, dialect: draft.dialect };
  if (parts.includes("where")) fault["where"] = draft.where.trim();
  if (parts.includes("who")) {
    fault["account"] = draft.account.trim();
    fault["chance_e6"] = Math.round(number(draft, "chance") * (CERTAIN_E6 / 100));
    fault["after"] = whole(draft, "after");
    fault["times"] = whole(draft, "times");
  }
  if (parts.includes("delay")) {
    const [shortest = "", longest = shortest] = draft.delay.split("..");
    fault["delay_min_ns"] = durationNs(shortest, "delay");
    fault["delay_max_ns"] = durationNs(longest, "delay");
  }
  if (parts.includes("status")) fault["status"] = whole(draft, "status");
  if (parts.includes("retry")) fault["retry_after_ns"] = durationNs(draft.retry, "retry");
  if (parts.includes("parts")) fault["parts_e6"] = draft.parts.split(",").map(part);
  if (parts.includes("skew")) {
    const [, sign = "", rest = ""] = /^\s*([-+]?)(.*)$/.exec(draft.skew) ?? [];
    fault["skew_ns"] = durationNs(rest, "skew") * (sign === "-" ? -1 : 1);
  }
  return { type: "SetFault", fault };
}

function durationNs(text: string, field: keyof Draft): number {
  const [, count, unit = ""] = /^\s*(\d{1,6})\s*(ms|s|m|h)\s*$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (count === undefined || unitMs === undefined) {
    throw new Mistyped(field, "write a time such as 500ms, 3s or 2m");
  }
  return Number(count) * unitMs * NS_PER_MS;
}

function part(text: string): number {
  const millionths = Number(text) * CERTAIN_E6;
  if (text.trim() === "" || !Number.isFinite(millionths)) {
    throw new Mistyped("parts", "write parts of the size, such as 0.5, 0.3, 0.2");
  }
  return Math.round(millionths);
}

function number(draft: Draft, field: "chance"): number {
  const found = Number(draft[field]);
  if (draft[field].trim() === "" || !Number.isFinite(found)) {
    throw new Mistyped(field, "write a number");
  }
  return found;
}

function whole(draft: Draft, field: "after" | "times" | "status"): number {
  if (!/^\d{1,9}$/.test(draft[field].trim())) throw new Mistyped(field, "write a whole number");
  return Number(draft[field]);
}

/** A time as people write it: 1500 is 1.5 s. */
export function shownMs(ms: number): string {
  return Math.abs(ms) < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}

/** Whom a fault befalls. */
export function whom({ dialect, where, account }: Fault): string {
  return [dialect, where, account].filter(Boolean).join(" · ") || "anybody, anywhere";
}

/** What is a fault's own, in a few words. */
export function details(fault: Fault): string {
  const { delay_ms, parts_e6, status, retry_after_ms, skew_ms } = fault;
  const said: string[] = [];
  if (status !== undefined) said.push(String(status));
  if (parts_e6 !== undefined) said.push(parts_e6.map((p) => p / CERTAIN_E6).join(" / "));
  if (delay_ms !== undefined) {
    const [least, most] = delay_ms;
    said.push(least === most ? shownMs(least) : `${shownMs(least)} to ${shownMs(most)}`);
  }
  if (retry_after_ms !== undefined) said.push(`again in ${shownMs(retry_after_ms)}`);
  if (skew_ms !== undefined) said.push(`${skew_ms > 0 ? "+" : ""}${shownMs(skew_ms)}`);
  if (fault.chance_e6 < CERTAIN_E6) said.push(`${fault.chance_e6 / 10_000} %`);
  if (fault.after > 0) said.push(`after ${fault.after}`);
  return said.join(", ");
}

/** How often it was met and has struck; a clock is wrong all the time. */
export function count(fault: Fault): string {
  if (fault.skew_ms !== undefined) return "in force";
  const most = fault.times === null ? "" : ` of ${fault.times}`;
  return `${fault.struck}${most} struck, ${fault.met} met`;
}
