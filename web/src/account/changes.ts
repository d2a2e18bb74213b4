/** What of a key somebody wants otherwise. */

import type { Key, Scope } from "./messages";
import { listOf } from "./words";

/** What making and changing a key ask for. */
export interface Chosen {
  label: string;
  scopes: Scope[];
  products: string[];
  /** Addresses and networks, as they were typed. */
  ip: string;
  /** Days; "" is never, "keep" is as it is. */
  expires: string;
}

/** What no key can be, at the field that would mend it; the server has the last word. */
export function objection(chosen: Chosen): { field: string; text: string } | null {
  if (chosen.scopes.length === 0) return { field: "scopes", text: "It has to be of some use." };
  if (chosen.scopes.includes("withdraw") && listOf(chosen.ip).length === 0) {
    return { field: "ip", text: "A key that may withdraw needs addresses that it comes from." };
  }
  return null;
}

/** The fields to send, without those that stay as they are. */
export function changesOf(key: Key, chosen: Chosen): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  const ip = listOf(chosen.ip);
  if (chosen.label.trim() !== key.label) changes["label"] = chosen.label.trim();
  if (!isSame(chosen.scopes, key.scopes)) changes["scopes"] = chosen.scopes;
  if (!isSame(chosen.products, key.products ?? [])) changes["products"] = chosen.products;
  if (!isSame(ip, key.ip)) changes["ip"] = ip;
  if (chosen.expires !== "keep") {
    changes["expires_days"] = chosen.expires === "" ? null : Number(chosen.expires);
  }
  return changes;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((part) => other.includes(part));
}
