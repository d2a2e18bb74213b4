/** One form on its way: it is sent once at a time, and shows the server's no where it belongs. */

import { problemOf, type Problem } from "./words";

export class Form {
  isBusy = $state(false);
  #problem = $state.raw<Problem | null>(null);

  /** `fields` are those that can show a problem of their own; the rest goes beside the button. */
  constructor(private readonly fields: readonly string[] = []) {}

  /** The problem of one field, or "". */
  at(field: string): string {
    return this.#problem?.field === field ? this.#problem.text : "";
  }

  /** The problem that is no field's. */
  get whole(): string {
    const problem = this.#problem;
    if (problem === null) return "";
    return problem.field !== null && this.fields.includes(problem.field) ? "" : problem.text;
  }

  /** Show a problem that this page found by itself. */
  object(text: string, field: string | null = null): void {
    this.#problem = { field, text };
  }

  clear(): void {
    this.#problem = null;
  }

  /** Do it, unless it is being done; true when it is done. */
  async send(act: () => Promise<void>): Promise<boolean> {
    if (this.isBusy) return false;
    this.isBusy = true;
    this.#problem = null;
    try {
      await act();
      return true;
    } catch (error) {
      this.#problem = problemOf(error, Date.now());
      return false;
    } finally {
      this.isBusy = false;
    }
  }
}
