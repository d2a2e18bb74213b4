/** Builds the page's objects, hands them down, and starts them. */

import { mount } from "svelte";

import { Member } from "./account/member.svelte";
import { Router } from "./account/router.svelte";
import { Api } from "./api";
import "./app.css";
import { Market } from "./market.svelte";
import Root from "./Root.svelte";
import { Visit } from "./session.svelte";
import { Theme } from "./theme.svelte";

const STORED_SYMBOL = "steelyard.symbol";

const theme = new Theme();
const visit = new Visit();
const member = new Member();
const api = new Api(() => visit.token);
const market = new Market(api, () => {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/ws/v1`;
});

const target = document.getElementById("page");
if (target === null) throw new Error("index.html has no element with the id page");
// A bot's own port has no market and no accounts: what it serves says so.
const hasDesk = target.dataset["place"] !== "bots";

visit.start(api);
const router = new Router(); // after the token has left the address
if (hasDesk) void market.start(localStorage.getItem(STORED_SYMBOL));

mount(Root, {
  target,
  props: {
    api,
    market,
    visit,
    theme,
    member,
    router,
    hasDesk,
    choose: (symbol: string) => {
      localStorage.setItem(STORED_SYMBOL, symbol);
      market.select(symbol);
    },
  },
});
