/** How the account pages word what the server says. */

import { Unreachable } from "../api";
import { clock, duration, moment } from "../time";
import { Declined } from "./api";
import type { Key } from "./messages";

const DAY_MS = 24 * 60 * 60 * 1_000;

export interface Problem {
  /** The field that it is about, as the server calls it. */
  field: string | null;
  text: string;
}

/** "the password is wrong" as a sentence that stands alone. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  const begun = trimmed[0]!.toUpperCase() + trimmed.slice(1);
  return /[.!?:]$/.test(begun) ? begun : `${begun}.`;
}

/** What went wrong, for whoever pressed the button. */
export function problemOf(error: unknown, now: number): Problem {
  if (error instanceof Declined) {
    const parts = [sentence(error.message)];
    if (error.retryAfterMs !== null) {
      const until = clock(now + error.retryAfterMs);
      parts.push(`Try again in ${duration(error.retryAfterMs)}, at ${until}.`);
    }
    // Hints that name a route are for programs; the page has a button for it.
    if (error.hint !== null && !error.hint.includes("/account/")) parts.push(sentence(error.hint));
    return { field: fieldOf(error.field), text: parts.join(" ") };
  }
  if (error instanceof Unreachable) return { field: null, text: sentence(error.message) };
  return { field: null, text: "This page has stumbled; load it again." };
}

/** "ip[3]" and "body.ip" are about the field ip. */
function fieldOf(path: string | null): string | null {
  if (path === null) return null;
  return path.replace(/\[.*$/, "").split(".").pop() ?? null;
}

/** Addresses and networks, however they are set apart. */
export function listOf(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((part) => part !== ""))];
}

/** Keys are long; their beginning tells them apart. */
export function short(key: string): string {
  return key.length <= 12 ? key : `${key.slice(0, 8)}…`;
}

export type KeyState = "works" | "replaced soon" | "replaced" | "expired" | "revoked";

export function stateOf(key: Key, now: number): KeyState {
  if (key.revoked !== null) return "revoked";
  if (key.overlap_ends !== null && key.overlap_ends <= now) return "replaced";
  if (key.expires !== null && key.expires <= now) return "expired";
  return key.replaced_by === null ? "works" : "replaced soon";
}

export function isOver(key: Key, now: number): boolean {
  return !["works", "replaced soon"].includes(stateOf(key, now));
}

/** "in 89 d", "in 3 h 05 min", "never" */
export function expiry(time: number | null, now: number): string {
  if (time === null) return "never";
  if (time <= now) return moment(time, now);
  const left = time - now;
  return left >= 2 * DAY_MS ? `in ${Math.round(left / DAY_MS)} d` : `in ${duration(left)}`;
}

/** How far a thief with this key would come, in a few words and how bad it is. */
export function exposure(key: Key): { tone: "good" | "warn" | "bad"; text: string } {
  if (key.scopes.includes("withdraw")) return { tone: "bad", text: "could take funds out" };
  if (key.ip.length === 0) return { tone: "warn", text: "from anywhere" };
  const count = key.ip.length;
  return { tone: "good", text: `only from ${count} ${count === 1 ? "place" : "places"}` };
}

/** "12 min ago" */
export function ago(time: number, now: number): string {
  return now - time < 1_000 ? "just now" : `${duration(now - time)} ago`;
}

export const SCOPES = [
  { scope: "read", text: "see balances, orders and fills" },
  { scope: "trade", text: "place, change and cancel orders" },
  { scope: "withdraw", text: "send funds out: needs addresses below, and waits for a day" },
] as const;

const DEEDS: Record<string, string> = {
  signed_up: "Signed up",
  signed_in: "Signed in",
  sign_in_failed: "Sign-in refused",
  signed_out: "Signed out",
  password_changed: "Password changed",
  password_reset: "Password reset by the administrator",
  totp_enrolled: "Second factor enrolled",
  totp_removed: "Second factor removed",
  recovery_codes_made: "New recovery codes",
  recovery_code_used: "Recovery code used",
  sub_account_opened: "Sub-account opened",
  moved: "Moved between accounts",
  key_created: "API key created",
  key_changed: "API key changed",
  key_rotated: "API key rotated",
  key_revoked: "API key revoked",
  address_added: "Address added",
  address_removed: "Address removed",
  deposit_announced: "Deposit announced",
  deposit_confirmed: "Deposit confirmed",
  withdrawal_asked: "Withdrawal asked for",
  withdrawal_confirmed: "Withdrawal confirmed",
  withdrawal_canceled: "Withdrawal canceled",
};

/** What a line of the activity tells. */
export function deed(what: string): string {
  return DEEDS[what] ?? sentence(what.replaceAll("_", " ")).replace(/\.$/, "");
}

/** The browser and system of a User-Agent, as far as they can be told. */
export function browserOf(agent: string): string {
  const browser = [
    ["Edg/", "Edge"],
    ["Firefox/", "Firefox"],
    ["Chrome/", "Chrome"],
    ["Safari/", "Safari"],
  ].find(([mark]) => agent.includes(mark!))?.[1];
  const system = [
    ["Android", "Android"],
    ["iPhone", "iPhone"],
    ["Windows", "Windows"],
    ["Mac OS X", "macOS"],
    ["Linux", "Linux"],
  ].find(([mark]) => agent.includes(mark!))?.[1];
  if (browser === undefined) return agent.slice(0, 40) || "a program";
  return system === undefined ? browser : `${browser} on ${system}`;
}
