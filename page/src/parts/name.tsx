// The name of an image: the registry dim, the tag strong, cut in its middle, and the words of the search marked.

import type { ComponentChildren } from "preact";
import { cut, repositoryParts, shortDigest, visible } from "../model/text";
import type { Image } from "../model/types";

/** The most characters of a last name and of a tag in a row. */
const NAME = 56;
const TAG = 40;

/** The text with these words marked. */
export function Marked({ text, words }: { text: string; words: string[] }) {
  const found = words.filter((word) => word.length > 0);
  if (found.length === 0) return <>{text}</>;
  const lower = text.toLowerCase();
  const parts: ComponentChildren[] = [];
  let at = 0;
  while (at < text.length) {
    let next = text.length;
    let length = 0;
    for (const word of found) {
      const hit = lower.indexOf(word, at);
      if (hit >= 0 && (hit < next || (hit === next && word.length > length))) [next, length] = [hit, word.length];
    }
    if (next > at) parts.push(text.slice(at, next));
    if (length > 0) parts.push(<mark>{text.slice(next, next + length)}</mark>);
    at = next + length;
    if (length === 0) break;
  }
  return <>{parts}</>;
}

export function Name({ image, words }: { image: Image; words: string[] }) {
  if (!image.repository) {
    const id = image.image_id ? ` ${image.image_id.replace(/^sha256:/, "").slice(0, 13)}` : "";
    return <bdi class="name nameless">without a name{id}</bdi>;
  }
  const { host, folders, name } = repositoryParts(image.repository);
  const [digest] = image.digests;
  return (
    <bdi class="name">
      {host + folders && <span class="path"><span class="host"><Marked text={visible(host)} words={words} /><wbr /></span>
        <Marked text={visible(folders)} words={words} /><wbr /></span>}
      <span class="last"><Marked text={cut(visible(name), NAME)} words={words} /></span>
      {image.tag !== null
        ? <span class="tag"><span class="colon">:</span><Marked text={cut(visible(image.tag), TAG)} words={words} /></span>
        : digest && <span class="tag by-digest"><span class="colon">@</span>{shortDigest(digest)}</span>}
    </bdi>
  );
}
