"use client";

import { useMemo } from "react";
import { Blocks } from "./blocks";
import { lex } from "./lex";
import { settle } from "./settle";

/**
 * Markdown as elements of the page. It is read into tokens, and each token that is known becomes an element that we
 * chose: there is no HTML in between that would have to be cleaned.
 */
export default function Markdown({ text, growing = false }: { text: string; growing?: boolean }) {
  const tokens = useMemo(() => lex(growing ? settle(text) : text), [text, growing]);
  return (
    <div className="prose">
      <Blocks tokens={tokens} links={Object.keys(tokens.links).length} />
    </div>
  );
}
