"use client";

import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

// So near to the end is at the end: half a line, and what rounding makes.
const NEAR = 24;

export interface Bottom {
  /** What scrolls. */
  viewport: RefObject<HTMLDivElement | null>;
  /** What grows in it. */
  content: RefObject<HTMLDivElement | null>;
  atEnd: boolean;
  toEnd: () => void;
  /** Something else than the end is to be seen. */
  letGo: () => void;
}

/**
 * Keeps the end in sight while it grows, until somebody scrolls up, by whatever means. Going back to the end takes it
 * up again. Who scrolled is told by where it went: nothing but a reader moves up while nothing shrinks.
 */
export function useStickToBottom(): Bottom {
  const viewport = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const pinned = useRef(true);
  const [atEnd, setAtEnd] = useState(true);

  const toEnd = useCallback(() => {
    pinned.current = true;
    setAtEnd(true);
    viewport.current?.scrollTo({ top: viewport.current.scrollHeight });
  }, []);

  const letGo = useCallback(() => {
    pinned.current = false;
  }, []);

  useEffect(() => {
    const box = viewport.current;
    const inner = content.current;
    if (!box || !inner) {
      return;
    }
    let top = box.scrollTop;
    let height = box.scrollHeight;
    const onScroll = () => {
      const near = box.scrollHeight - box.clientHeight - box.scrollTop <= NEAR;
      if (near) {
        pinned.current = true;
      } else if (box.scrollTop < top && box.scrollHeight >= height) {
        pinned.current = false;
      }
      top = box.scrollTop;
      height = box.scrollHeight;
      setAtEnd(near || pinned.current);
    };
    const observer = new ResizeObserver(() => {
      if (pinned.current) {
        box.scrollTop = box.scrollHeight;
      }
    });
    observer.observe(inner);
    observer.observe(box);
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, []);

  return { viewport, content, atEnd, toEnd, letGo };
}
