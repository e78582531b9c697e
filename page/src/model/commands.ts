// The commands that pull an image, for each tool.

import type { Image } from "./types";
import { hasInvisible } from "./text";

export const TOOLS = ["crictl", "nerdctl", "docker", "podman"] as const;
export type Tool = (typeof TOOLS)[number];

const PREFIX: Record<Tool, string> = {
  crictl: "crictl pull",
  // containerd keeps the images of Kubernetes in a namespace of their own.
  nerdctl: "nerdctl --namespace k8s.io pull",
  docker: "docker pull",
  podman: "podman pull",
};

/** What a registry accepts as a reference. Anything else is not offered as a command: a name must never run in somebody's shell. */
const REFERENCE = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/;

export const canBePulled = (reference: string): boolean => REFERENCE.test(reference) && !hasInvisible(reference);

export const pullCommand = (tool: Tool, reference: string): string => `${PREFIX[tool]} ${reference}`;

export interface Pull {
  title: string;
  note: string;
  reference: string;
}

/** The ways to pull an image, the best first. */
export function pulls(image: Image): Pull[] {
  const { repository, tag, harbor } = image;
  if (!repository) return [];
  const has = (verdict: string): boolean => (image.verdicts as string[]).includes(verdict);
  const ways: Pull[] = [];
  const [own] = image.digests;
  if (tag && !has("missing") && !has("untagged")) {
    const note = has("drifted") ? "gives the image that the tag names now" : "";
    ways.push({ title: "by tag", note, reference: image.reference });
  }
  if (has("untagged")) {
    for (const other of (harbor?.same_digest_tags ?? []).slice(0, 3)) {
      ways.push({ title: "by another tag", note: "the same image", reference: `${repository}:${other}` });
    }
  }
  if (harbor?.digest && harbor.digest !== own && has("drifted")) {
    ways.push({ title: "by digest", note: "what Harbor has under this tag now", reference: `${repository}@${harbor.digest}` });
  }
  if (own && !has("missing")) {
    const note = has("drifted")
      ? "what the node has, as long as Harbor keeps it"
      : has("untagged")
        ? "works until retention or garbage collection takes it"
        : "always this very image";
    ways.push({ title: "by digest", note, reference: `${repository}@${own}` });
  } else if (!own && harbor?.digest && !has("missing")) {
    ways.push({ title: "by digest", note: "always this very image", reference: `${repository}@${harbor.digest}` });
  }
  return ways;
}
