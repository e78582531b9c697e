// A verdict: a word with a shape, never a colour alone.

import type { Verdict } from "../model/verdicts";
import { Icon } from "./icon";

export function Badge({ verdict }: { verdict: Verdict }) {
  return (
    <span class={`badge ${verdict.tone}`} title={`${verdict.meaning} ${verdict.todo}`}>
      <Icon path={verdict.icon} dashed={verdict.dashed} />
      {verdict.label}
    </span>
  );
}
