/** What the account site under `/account/` says, in its own field names. Times are milliseconds. */

import type { Decimal } from "../decimal";

export interface OwnAccount {
  name: string;
  is_sub: boolean;
}

export interface Person {
  name: string;
  email: string;
  /** The name of their first account. */
  account: string;
  accounts: OwnAccount[];
  /** Whether there is a second factor. */
  totp: boolean;
  recovery_codes_left: number;
  must_change_password: boolean;
}

export interface Session {
  signed_in: boolean;
  csrf: string;
  person: Person | null;
  expires: number | null;
}

export interface BrowserSession {
  id: string;
  ip: string;
  agent: string;
  since: number;
  seen: number;
  current: boolean;
}

export interface Enrolment {
  secret: string;
  uri: string;
  qr_svg: string;
}

export interface RecoveryCodes {
  recovery_codes: string[];
}

export type Scope = "read" | "trade" | "withdraw";

/** A key without its secret. */
export interface Key {
  key: string;
  account: string;
  dialect: string;
  kind: string;
  scopes: Scope[];
  /** The markets that it may trade; none is all. */
  products: string[];
  ip: string[];
  label: string;
  created: number;
  expires: number | null;
  withdraw_from: number | null;
  replaces: string | null;
  replaced_by: string | null;
  overlap_ends: number | null;
  revoked: number | null;
  revoked_for: string;
  last_used: number | null;
  last_ip: string | null;
  last_endpoint: string | null;
}

export interface KeyEvent {
  time: number;
  what: string;
  by: string;
  detail: string;
}

/** A key with what a thief could do with it, and what was done to it. */
export interface KeyShown extends Key {
  blast_radius: string[];
  history: KeyEvent[];
}

export interface Dialect {
  name: string;
  kinds: string[];
}

export interface KeyList {
  keys: Key[];
  dialects: Dialect[];
}

/** What is shown once, when a key is made. */
export interface NewKey {
  key: string;
  secret: string;
  passphrase: string;
  dialect: string;
  account: string;
  scopes: Scope[];
  ip: string[];
  expires: number | null;
  warnings?: string[];
}

export interface Balance {
  asset: string;
  free: Decimal;
  held: Decimal;
}

export interface Balances {
  accounts: { account: string; balances: Balance[] }[];
  assets: string[];
}

export interface ActivityLine {
  time: number;
  what: string;
  about: string;
  ip: string;
}

export interface ActivityPage {
  activity: ActivityLine[];
  /** Where to go on; null at the end. */
  cursor: string | null;
}

export interface Mail {
  to: string;
  subject: string;
  text: string;
  time: number;
}

export interface Address {
  id: number;
  asset: string;
  network: string;
  address: string;
  label: string;
  added: number;
  usable_from: number;
  is_usable: boolean;
}

export interface AddressBook {
  addresses: Address[];
  /** By asset, then by network: what a withdrawal costs. */
  networks: Record<string, Record<string, Decimal>>;
}

export type TransferState = "awaiting_mail" | "pending" | "done" | "canceled";

export interface Transfer {
  id: number;
  account: string;
  what: "deposit" | "withdrawal";
  asset: string;
  amount: Decimal;
  fee: Decimal;
  arrives: Decimal;
  state: TransferState;
  network: string;
  address: string;
  label: string;
  opened: number;
  changed: number;
  /** When it is canceled by itself. */
  expires: number | null;
  /** When it is carried out by itself. */
  due: number | null;
}
