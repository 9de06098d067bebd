"use client";

import dynamic from "next/dynamic";
import { createContext, useContext } from "react";

const load = () => import("./markdown");

// What is shown until the renderer is there: the text as it was written, in the same type.
const Text = createContext("");

function Plain() {
  return <div className="prose whitespace-pre-wrap">{useContext(Text)}</div>;
}

const Markdown = dynamic(load, { ssr: false, loading: Plain });

/** Markdown, with a renderer that is loaded when it is first needed. */
export function LazyMarkdown(props: { text: string; growing?: boolean }) {
  return (
    <Text value={props.text}>
      <Markdown {...props} />
    </Text>
  );
}

/** Loads the renderer before it is needed. */
export function prepareMarkdown(): void {
  void load().catch(() => undefined);
}
