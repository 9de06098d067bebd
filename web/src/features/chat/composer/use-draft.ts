"use client";

import { useEffect, useRef, useState } from "react";
import { afterFirst, joined, keepDraft, recallDraft } from "./drafts";

/**
 * What is typed, kept so that it is there again when the page is loaded again. What was asked and is not at the server
 * yet (`unsent`) is kept before it: whoever leaves meanwhile finds it where it was typed.
 */
export function useDraft(
  account: string | undefined,
  conversation: string | undefined,
  unsent: string,
): [string, (text: string) => void] {
  const [text, setText] = useState(() => afterFirst(unsent, recallDraft(account, conversation)));
  const named = useRef(conversation);

  useEffect(() => {
    if (named.current !== conversation) {
      // It has begun, and has a name from now on; the next one to begin is another one.
      keepDraft(account, named.current, "");
      named.current = conversation;
    }
    keepDraft(account, conversation, joined(unsent, text));
  }, [account, conversation, unsent, text]);

  return [text, setText];
}
