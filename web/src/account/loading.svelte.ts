/** Something that a page shows: asked for when it opens, and again when it may have changed. */

import { problemOf } from "./words";

export class Loading<T> {
  value = $state.raw<T | null>(null);
  problem = $state("");

  constructor(private readonly ask: () => Promise<T>) {}

  async load(): Promise<void> {
    try {
      this.value = await this.ask();
      this.problem = "";
    } catch (error) {
      this.problem = problemOf(error, Date.now()).text;
    }
  }
}
