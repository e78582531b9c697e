// Connects the virtual list of TanStack, which knows no library of views, to Preact.

import {
  Virtualizer, type VirtualItem, measureElement, observeWindowOffset, observeWindowRect, windowScroll,
} from "@tanstack/virtual-core";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

export interface VirtualRows {
  items: VirtualItem[];
  size: number;
  measure: (element: HTMLElement | null) => void;
  /** Moves the page as little as possible. */
  scrollTo: (index: number) => void;
  /** Moves the page so that the row stands at its top. */
  scrollToTop: (index: number) => void;
}

/** The rows of a list that stand in the window. `top` is where the list begins in the document, `sticky` what covers it. */
export function useVirtualRows(options: {
  count: number; estimate: number; top: number; sticky: number; keyAt: (index: number) => string;
}): VirtualRows {
  const [, draw] = useReducer((times: number) => times + 1, 0);
  const full = {
    count: options.count,
    estimateSize: () => options.estimate,
    getItemKey: options.keyAt,
    scrollMargin: options.top,
    scrollPaddingStart: options.sticky,
    overscan: 12,
    getScrollElement: () => window,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    measureElement,
    initialRect: { width: window.innerWidth, height: window.innerHeight },
    initialOffset: () => window.scrollY,
    onChange: () => draw(null as never),
  };
  const [virtualizer] = useState(() => new Virtualizer<Window, HTMLElement>(full));
  virtualizer.setOptions(full);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return {
    items: virtualizer.getVirtualItems(),
    size: virtualizer.getTotalSize(),
    measure: (element) => virtualizer.measureElement(element),
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: "auto" }),
    scrollToTop: (index) => virtualizer.scrollToIndex(index, { align: "start" }),
  };
}
