/**
 * Who is signed in here. The cookie is the server's and the browser's; this keeps what the server
 * says of it, and nothing in storage.
 */

import { AccountApi } from "./api";
import type { Person, Session } from "./messages";

export type Standing = "asking" | "out" | "in" | "away";

export class Member {
  readonly api: AccountApi;
  standing = $state<Standing>("asking");
  /** Why there is nobody signed in any more, where somebody was. */
  farewell = $state("");
  #session = $state.raw<Session | null>(null);

  readonly person = $derived<Person | null>(this.#session?.person ?? null);

  constructor() {
    this.api = new AccountApi((session) => this.#heard(session));
  }

  /** Ask the server who is signed in. */
  async ask(): Promise<void> {
    try {
      await this.api.session();
    } catch {
      this.standing = "away";
    }
  }

  async signOut(): Promise<void> {
    try {
      await this.api.post("sign-out");
      this.farewell = "";
    } catch {
      await this.ask();
    }
  }

  #heard(session: Session): void {
    if (this.person !== null && !session.signed_in) {
      this.farewell = "Your session has ended. Sign in again.";
    }
    if (session.signed_in) this.farewell = "";
    this.#session = session;
    this.standing = session.signed_in ? "in" : "out";
  }
}
