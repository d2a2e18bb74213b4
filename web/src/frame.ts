/**
 * Work that happens at most once per drawn frame, however often it is asked for.
 *
 * A hidden page draws no frames, so nothing is rendered for nobody: the state behind goes on and
 * is drawn when the page is looked at again.
 */

/** Return a function that asks for `work` in the next frame. */
export function coalesced(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
