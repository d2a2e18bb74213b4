/** Where the keyboard goes when a part of the page takes another's place. */

/** Begin at the first input; where there is none, at the button that changes nothing. */
export function first(node: HTMLElement): void {
  node
    .querySelector<HTMLElement>("input, select, textarea, button[type=button]")
    ?.focus({ preventScroll: true });
}
