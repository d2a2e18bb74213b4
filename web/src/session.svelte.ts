/**
 * Who is looking, and at what: the token from the link, and the server's word on environment,
 * market and bots.
 *
 * The token comes in the address's fragment, which browsers do not send; it moves to this tab's
 * session storage and out of the address bar, so that neither a screenshot nor a copied address
 * carries it.
 */

import { Refused, type Api } from "./api";
import type { Environment, Session } from "./messages";

export type Access = "asking" | "granted" | "no token" | "wrong token";

const STORED = "steelyard.token";
const REFRESH_MS = 3_000;

export class Visit {
  access = $state<Access>("asking");
  session = $state.raw<Session | null>(null);
  #token = $state<string | null>(null);

  /** Whatever serves this page is a practice exchange, until it says otherwise. */
  readonly environment = $derived<Environment>(this.session?.environment ?? "sandbox");

  get token(): string | null {
    return this.#token;
  }

  /** Take the token, then keep asking: bots come and go while the page is open. */
  start(api: Api): void {
    this.#takeToken();
    addEventListener("hashchange", () => {
      this.#takeToken();
      void this.#refresh(api);
    });
    void this.#refresh(api);
    setInterval(() => void this.#refresh(api), REFRESH_MS);
  }

  #takeToken(): void {
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given !== null && given !== "") {
      sessionStorage.setItem(STORED, given);
      history.replaceState(null, "", location.pathname + location.search);
    }
    this.#token = sessionStorage.getItem(STORED);
    this.access = this.#token === null ? "no token" : "asking";
  }

  async #refresh(api: Api): Promise<void> {
    // A refused token stays refused: each start of the exchange makes a new one.
    if (this.#token === null || this.access === "wrong token" || document.hidden) return;
    try {
      const session = await api.session();
      // The same answer again must not make everything that reads it look up.
      if (JSON.stringify(session) !== JSON.stringify(this.session)) this.session = session;
      this.access = "granted";
    } catch (error) {
      // No answer changes nothing: the market's link already says that the exchange is away.
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
        this.access = "wrong token";
        this.session = null;
      }
    }
  }
}
