/**
 * Something that a journal's reader is asked for, again and again: one question at a time, and of
 * those that come meanwhile only the newest. A long journal is read in parts, and asked again
 * until its end is reached.
 */

import { Refused, Unreachable } from "../api";
import { isReading, type Reading } from "./messages";

const AGAIN_MS = 150;

export class Asked<Q, T extends object> {
  value = $state.raw<T | null>(null);
  problem = $state("");
  /** How many records were read so far, while a journal is read for the first time. */
  reading = $state<number | null>(null);

  #next: { question: Q } | null = null;
  #isAsking = false;
  #isClosed = false;

  constructor(private readonly ask: (question: Q) => Promise<T | Reading>) {}

  /** Ask; the answer comes into `value`. */
  want(question: Q): void {
    this.#next = { question };
    if (!this.#isAsking) void this.#go();
  }

  close(): void {
    this.#isClosed = true;
    this.#next = null;
  }

  async #go(): Promise<void> {
    this.#isAsking = true;
    try {
      while (this.#next !== null && !this.#isClosed) {
        const wanted = this.#next;
        this.#next = null;
        const answer = await this.ask(wanted.question);
        if (this.#isClosed) return;
        this.problem = "";
        if (isReading(answer)) {
          this.reading = answer.reading;
          this.#next ??= wanted;
          await new Promise((done) => setTimeout(done, AGAIN_MS));
        } else {
          this.reading = null;
          this.value = answer;
        }
      }
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      this.problem = error.message;
    } finally {
      this.#isAsking = false;
    }
  }
}
