// Takes over the page that came from the server, with the rows that are in it already.

import { render } from "preact";
import * as store from "./model/store";
import { App } from "./views/app";

function first(): Parameters<typeof store.start>[0] {
  try {
    return JSON.parse(document.getElementById("first")?.textContent ?? "{}");
  } catch {
    return {};
  }
}

const root = document.getElementById("page");
if (root) {
  // What stood there while the rows were read.
  document.querySelector(".waiting")?.remove();
  store.start(first());
  root.className = "";
  root.replaceChildren();
  render(<App />, root);
}
