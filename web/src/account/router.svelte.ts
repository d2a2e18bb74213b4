/** The page on show, as the address says; the browser's own back and forward work. */

import { hashOf, routeOf, type Place, type Route } from "./route";

export class Router {
  route = $state.raw<Route>(routeOf(location.hash));

  constructor() {
    addEventListener("hashchange", () => (this.route = routeOf(location.hash)));
  }

  go(place: Place | "desk", name: string | null = null): void {
    location.hash = hashOf(place, name);
  }

  /** Show another page in this one's stead: back does not lead here again. */
  replace(place: Place | "desk", name: string | null = null): void {
    history.replaceState(null, "", hashOf(place, name));
    this.route = routeOf(location.hash);
  }
}
