/**
 * Requests to the account site: the session is a cookie that no script can read, and everything but
 * GET carries the session's CSRF token, which is kept here and nowhere else.
 */

import { Refused, Unreachable } from "../api";
import type { Session } from "./messages";

const CSRF_HEADER = "X-Steelyard-CSRF";
// A password is hashed slowly on purpose, and others may be before us.
const DEADLINE_MS = 15_000;
const ROOT = "/account/";
/** What may be asked by who has not signed in. */
const OPEN: readonly string[] = ["sign-in", "sign-up"];

/** The server's no, and which field it is about. */
export class Declined extends Refused {
  constructor(
    status: number,
    code: string,
    message: string,
    /** The name of the field, or null where it is about no single one. */
    readonly field: string | null,
    readonly hint: string | null,
    /** How long to wait before another try. */
    readonly retryAfterMs: number | null,
  ) {
    super(status, code, message);
  }
}

type Method = "GET" | "POST" | "DELETE";
type Fetch = (path: string, request: RequestInit) => Promise<Response>;

export class AccountApi {
  #csrf: string | null = null;

  /** `heard` gets every session that the server tells of. */
  constructor(
    private readonly heard: (session: Session) => void,
    private readonly fetch: Fetch = (path, request) => globalThis.fetch(path, request),
  ) {}

  /** Who is signed in. */
  session(): Promise<Session> {
    return this.get<Session>("session");
  }

  get<T>(path: string): Promise<T> {
    return this.#ask("GET", path);
  }

  post<T>(path: string, body: Record<string, unknown> = {}): Promise<T> {
    return this.#change("POST", path, body);
  }

  delete<T>(path: string): Promise<T> {
    return this.#change("DELETE", path);
  }

  async #change<T>(method: Method, path: string, body?: Record<string, unknown>): Promise<T> {
    if (this.#csrf === null) await this.session();
    try {
      return await this.#ask(method, path, body);
    } catch (error) {
      if (!(error instanceof Refused && error.code === "CSRF")) throw error;
    }
    // The session has ended, or another tab has begun one. Nothing was done: it can be asked again.
    const { signed_in } = await this.session();
    if (!signed_in && !OPEN.includes(path)) throw ended();
    return this.#ask(method, path, body);
  }

  async #ask<T>(method: Method, path: string, body?: Record<string, unknown>): Promise<T> {
    const headers = new Headers();
    if (method !== "GET") headers.set(CSRF_HEADER, this.#csrf ?? "");
    const request: RequestInit = {
      method,
      headers,
      cache: "no-store",
      credentials: "same-origin",
      signal: AbortSignal.timeout(DEADLINE_MS),
    };
    if (body !== undefined) {
      headers.set("Content-Type", "application/json");
      request.body = JSON.stringify(body);
    }
    let response: Response;
    let text: string;
    try {
      response = await this.fetch(ROOT + path, request);
      text = await response.text();
    } catch {
      throw new Unreachable("the exchange does not answer; is it running?");
    }
    const answer = parsed(text);
    if (!response.ok) {
      const refused = declined(response, answer);
      if (refused.code === "SIGN_IN") await this.session(); // to hear that nobody is signed in
      throw refused;
    }
    if (answer === undefined) {
      throw new Declined(response.status, "NOT_JSON", `${path}: not JSON`, null, null, null);
    }
    if (isSession(answer)) {
      this.#csrf = answer.csrf;
      this.heard(answer);
    }
    return answer as T;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isSession(answer: unknown): answer is Session {
  const found = answer as Partial<Session> | null;
  return typeof found?.csrf === "string" && typeof found.signed_in === "boolean";
}

function declined(response: Response, answer: unknown): Declined {
  const error = (answer as { error?: Partial<Declined> } | undefined)?.error;
  const seconds = Number(response.headers.get("Retry-After") ?? NaN);
  return new Declined(
    response.status,
    error?.code ?? String(response.status),
    error?.message ?? `the exchange answered ${response.status}`,
    error?.field ?? null,
    error?.hint ?? null,
    Number.isFinite(seconds) ? seconds * 1_000 : null,
  );
}

function ended(): Declined {
  return new Declined(401, "SIGN_IN", "your session has ended; sign in again", null, null, null);
}
