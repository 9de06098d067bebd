/** Colours for code. It is loaded with the first block that has any. */

import type { ElementContent, Root } from "hast";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import lua from "highlight.js/lib/languages/lua";
import markdown from "highlight.js/lib/languages/markdown";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";
import { createElement, type ReactNode } from "react";

const lowlight = createLowlight({
  bash,
  c,
  cpp,
  csharp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  kotlin,
  lua,
  markdown,
  php,
  python,
  ruby,
  rust,
  sql,
  swift,
  typescript,
  xml,
  yaml,
});

// Colouring takes a millisecond for a few thousand characters; nobody reads the colours of more.
const LONGEST = 50_000;

/** Returns the code with its colours; undefined where the language is not known. */
export function highlighted(code: string, language: string): ReactNode {
  if (code.length > LONGEST || !lowlight.registered(language)) {
    return undefined;
  }
  return nodes(lowlight.highlight(language, code));
}

function nodes({ children }: { children: (ElementContent | Root["children"][number])[] }): ReactNode[] {
  return children.map((child, index) => {
    if (child.type !== "element") {
      return child.type === "text" ? child.value : null;
    }
    const { className } = child.properties;
    const props = { key: index, className: Array.isArray(className) ? className.join(" ") : undefined };
    return createElement("span", props, nodes(child));
  });
}
