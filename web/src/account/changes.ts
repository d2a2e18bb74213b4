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
