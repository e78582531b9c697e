// The verdicts are the navigation: counts, worst first, each a toggle, and one sentence about the one that somebody looks at.

import { useState } from "preact/hooks";
import { bytes, count, plural } from "../model/text";
import { hasRows, numberOf, summary } from "../model/summary";
import { type Verdict, shown } from "../model/verdicts";
import * as store from "../model/store";
import * as url from "../model/url";
import { Icon } from "../parts/icon";

export function Strip() {
  const [looked, look] = useState<Verdict | null>(null);
  const head = store.inventory.value;
  const counts = head?.counts ?? {};
  const { verdicts } = store.location.value.query;
  const list = shown(counts);
  const toggle = ({ verdict }: Verdict): void => {
    const chosen = verdicts.includes(verdict) ? verdicts.filter((other) => other !== verdict) : [...verdicts, verdict];
    store.show({ verdicts: chosen });
  };
  const only = verdicts.length === 1 ? list.find((verdict) => verdict.verdict === verdicts[0]) : undefined;
  const about = looked ?? only;
  const tile = (verdict: Verdict) => {
    const number = head ? numberOf(head, verdict.verdict) : null;
    return (
      <li key={verdict.verdict}>
        <button type="button" class={`tile ${verdict.tone} ${!number ? "zero" : ""}`}
          aria-pressed={verdicts.includes(verdict.verdict)} aria-describedby="about-verdict"
          onClick={() => toggle(verdict)} onMouseEnter={() => look(verdict)} onMouseLeave={() => look(null)}
          onFocus={() => look(verdict)} onBlur={() => look(null)}>
          <span class="shape"><Icon path={verdict.icon} dashed={verdict.dashed} /></span>
          <span class="number">{number === null ? "–" : count(number)}</span>
          <span class="word">{verdict.label}</span>
        </button>
      </li>
    );
  };
  const sized = (head?.nodes ?? []).filter((node) => hasRows(node) && typeof node.bytes === "number");
  const size = sized.reduce((sum, node) => sum + (node.bytes ?? 0), 0);
  const tone = (about ?? list.find((verdict) => verdict.attention && (counts[verdict.verdict] ?? 0) > 0))?.tone ?? "good";
  return (
    <nav class="strip" aria-label="Verdicts">
      <ul>
        {list.filter((verdict) => verdict.attention).map(tile)}
        <li class="gap" aria-hidden="true" />
        {list.filter((verdict) => !verdict.attention).map(tile)}
      </ul>
      <p id="about-verdict" class={head ? tone : "quiet"}>
        {!about && size > 0 && <span class="sum">at most {bytes(size)} on {plural(sized.length, "node")}</span>}
        {about ? <><strong>{about.label}:</strong> {about.meaning} <span class="todo">{about.todo}</span></> : !head ? "\u00a0" : summary(head, url.isNarrowed({ ...store.location.value.query, verdicts: [] }), store.label)}
      </p>
    </nav>
  );
}
