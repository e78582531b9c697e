// The details of an image: what its verdicts mean, how to pull it, and all that is known about it.

import { useEffect, useState } from "preact/hooks";
import * as api from "../model/api";
import { TOOLS, type Tool, canBePulled, pullCommand, pulls } from "../model/commands";
import { ago, bytes, count, instantText, natural, plural, shortDigest, visible } from "../model/text";
import type { Image, Inventory } from "../model/types";
import { verdictsOf } from "../model/verdicts";
import * as store from "../model/store";
import { Badge } from "../parts/badge";
import { CopyButton } from "../parts/copy-button";

function toolChosen(): Tool {
  try {
    const tool = localStorage.getItem("tool") as Tool | null;
    if (tool && TOOLS.includes(tool)) return tool;
  } catch {
    // Without storage the first one counts.
  }
  return TOOLS[0];
}

function Pulls({ image }: { image: Image }) {
  const [tool, setTool] = useState(toolChosen);
  const ways = pulls(image);
  const choose = (next: Tool): void => {
    setTool(next);
    try {
      localStorage.setItem("tool", next);
    } catch {
      // The choice lasts as long as the details.
    }
  };
  if (ways.length === 0) {
    return <p class="note">{image.verdicts.includes("missing")
      ? "No command pulls it: Harbor has neither the tag nor the digest."
      : "No command pulls it: it has neither a name with a tag nor a digest."}</p>;
  }
  if (!ways.every((way) => canBePulled(way.reference))) {
    return <p class="note">The name has characters that no registry accepts. No command is offered, so that none of them reaches a shell.</p>;
  }
  return (
    <>
      <div class="tools-choice" role="group" aria-label="Tool">
        {TOOLS.map((name) => <button type="button" key={name} aria-pressed={tool === name} onClick={() => choose(name)}>{name}</button>)}
      </div>
      <ul class="pulls">
        {ways.map((way) => {
          const command = pullCommand(tool, way.reference);
          return (
            <li key={way.reference}>
              <span class="way">{way.title}{way.note && <span class="note"> {way.note}</span>}</span>
              <div class="command"><code>{command}</code><CopyButton text={command} what={`the command to pull ${way.title}`} /></div>
            </li>
          );
        })}
      </ul>
    </>
  );
}

function Value({ text, what }: { text: string; what: string }) {
  return <span class="value"><code>{visible(text)}</code>{canBePulled(text) && <CopyButton text={text} what={what} />}</span>;
}

/** Why the size on the node and the size in Harbor differ. Of two images it would explain nothing. */
function sizes(image: Image): string {
  const { bytes: own, harbor } = image;
  if (image.node_count === 0 || !image.verdicts.includes("in_sync")) return "";
  if (!own || !harbor?.bytes || own === harbor.bytes) return "";
  return harbor.bytes > own
    ? "Harbor counts all platforms of the image, the node only its own."
    : "The node counts unpacked layers, Harbor compressed ones.";
}

const MOST_SIBLINGS = 12;

/** When an image was pushed; 0 where nobody knows. */
const pushedAt = (image: Image): number => Date.parse(image.harbor?.pushed_at ?? "") || 0;

/** The other images of the same repository. */
function Siblings({ image }: { image: Image }) {
  const [siblings, find] = useState<Image[] | null>(null);
  const { repository } = image;
  useEffect(() => {
    // The search refuses what no name of a registry has.
    if (!repository || !canBePulled(repository)) return undefined;
    const cancel = new AbortController();
    const parameters = new URLSearchParams({ q: repository, sort: "pushed", order: "desc", limit: "100" });
    api.get<Inventory>("inventory", parameters, cancel.signal).then((outcome) => {
      if (outcome.kind !== "answer") return;
      const others = outcome.value.images.filter((other) => other.repository === repository && store.keyOf(other) !== store.keyOf(image));
      // The newest first, as the host gives them; those of one time, or of none, as people count.
      find(others.sort((one, other) => pushedAt(other) - pushedAt(one) || natural(one.tag ?? "", other.tag ?? "")));
    }, () => undefined);
    return () => cancel.abort();
  }, [repository, image.reference, image.image_id]);
  if (!siblings || siblings.length === 0) return null;
  return (
    <section class="siblings">
      <h2>Also in this repository</h2>
      <ul>
        {siblings.slice(0, MOST_SIBLINGS).map((other) => (
          <li key={store.keyOf(other)}>
            <button type="button" class="link" onClick={() => store.open(store.keyOf(other))}>
              <bdi>{other.tag === null ? `@${shortDigest(other.digests[0] ?? "")}` : visible(other.tag)}</bdi></button>
            <code>{visible(shortDigest(other.digests[0] ?? other.harbor?.digest ?? ""))}</code>
            {verdictsOf(other).slice(0, 1).map((verdict) => <Badge verdict={verdict} key={verdict.verdict} />)}
          </li>
        ))}
      </ul>
      {siblings.length > MOST_SIBLINGS && repository &&
        <button type="button" class="link" onClick={() => { store.draft.value = repository; store.show({ q: repository, verdicts: [] }); }}>
          all {plural(siblings.length, "other")}</button>}
    </section>
  );
}

export function Details({ image, nodes }: { image: Image; nodes: number }) {
  const { harbor } = image;
  const now = store.now.value;
  const why = sizes(image);
  const again = ago(harbor?.pushed_at, now);
  const pulled = ago(harbor?.pulled_at, now);
  return (
    <div class="details">
      <div class="verdicts">
        {verdictsOf(image).map((verdict) => (
          <p key={verdict.verdict} class={`says ${verdict.tone}`}><Badge verdict={verdict} /> <span>{verdict.verdict === "unknown" && image.reason ? <>It can't be told. <strong>{visible(image.reason.message)}</strong></> : verdict.meaning} {verdict.verdict === "drifted" && again && `Harbor's was pushed ${again}. `}{verdict.verdict === "outdated" && image.newer && `The newer one is ${visible(image.newer.tag)}. `}<strong>{verdict.verdict === "unknown" && image.reason ? "" : verdict.todo}</strong></span></p>
        ))}
      </div>
      <section class="pull">
        <h2>Pull</h2>
        <Pulls image={image} />
      </section>
      <section class="facts">
        <h2>Facts</h2>
        <dl>
          <dt>Reference</dt><dd><Value text={image.reference} what="the reference" /></dd>
          {image.digests.length > 0 && <><dt>{image.digests.length > 1 ? "Digests on the nodes" : "Digest on the node"}</dt>
            <dd>{image.digests.map((digest) => <Value text={digest} what="the digest" key={digest} />)}</dd></>}
          {harbor?.digest && <><dt>Digest in Harbor</dt><dd>{image.digests.includes(harbor.digest)
            ? "the same" : <Value text={harbor.digest} what="Harbor's digest" />}</dd></>}
          {harbor && (harbor.same_digest_tags ?? []).length > 0 && <><dt>Tags of the same digest</dt>
            <dd class="tags">{(harbor.same_digest_tags ?? []).slice(0, 24).map((tag) => <code key={tag}>{visible(tag)}</code>)}
              {(harbor.same_digest_tags ?? []).length > 24 && `and ${count((harbor.same_digest_tags ?? []).length - 24)} more`}</dd></>}
          {image.image_id && <><dt>Image id</dt><dd><Value text={image.image_id} what="the image id" /></dd></>}
          <dt>Size</dt>
          <dd>{[image.node_count > 0 && image.bytes ? `${bytes(image.bytes)} on the node` : "", harbor?.bytes ? `${bytes(harbor.bytes)} in Harbor` : ""]
            .filter(Boolean).join(", ") || "unknown"}{why && <span class="note"> {why}</span>}</dd>
          <dt>Nodes</dt>
          <dd>{image.node_count === 0 ? (nodes === 0 ? "no node answered" : "on no node that answered") : <>{count(image.node_count)} of {count(nodes)}: <bdi>{image.nodes.map(visible).join(", ")}</bdi></>}
            {image.pinned && <span class="note"> pinned: the node never removes it by itself</span>}</dd>
          {harbor && <><dt>In Harbor</dt><dd><bdi>{visible(`${harbor.project}/${harbor.repository}`)}</bdi>
            {harbor.pushed_at && <span title={instantText(harbor.pushed_at)}>, pushed {ago(harbor.pushed_at, now)}</span>}
            {pulled ? <span title={instantText(harbor.pulled_at)}>, last pulled {pulled}</span> : ", never pulled"}</dd></>}
        </dl>
      </section>
      <Siblings image={image} />
    </div>
  );
}
