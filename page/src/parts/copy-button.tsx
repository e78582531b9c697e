// A button that copies a text and says so, to the eye and to a screen reader.

import { useEffect, useState } from "preact/hooks";
import { copyText } from "../model/copy";
import { announcement } from "../model/store";
import { visible } from "../model/text";
import { CHECK, COPY, Icon } from "./icon";

const SAYS_SO_MS = 1600;

export function CopyButton({ text, what, tabIndex }: { text: string; what: string; tabIndex?: number }) {
  const [said, say] = useState<"copy" | "copied" | "not copied">("copy");
  useEffect(() => {
    if (said === "copy") return undefined;
    const timer = window.setTimeout(() => say("copy"), SAYS_SO_MS);
    return () => window.clearTimeout(timer);
  }, [said]);
  const copy = async (event: Event): Promise<void> => {
    event.stopPropagation();
    const outcome = (await copyText(text)) ? "copied" : "not copied";
    say(outcome);
    announcement.value = `${what} ${outcome}`;
  };
  return (
    <button type="button" class={`copy ${said === "copied" ? "done" : ""}`} aria-label={`Copy ${what}`} title={visible(text)}
      tabIndex={tabIndex ?? 0} onClick={copy}>
      <Icon path={said === "copied" ? CHECK : COPY} />
      <span>{said}</span>
    </button>
  );
}
