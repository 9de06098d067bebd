"use client";

import { useEffect, useRef, useState } from "react";
import { grow, isSend } from "../composer/keys";
import type { Question } from "../model/transcript";

/** A question that is changed, to be asked in place of the one it was. */
export function QuestionEditor({
  question,
  onAsk,
  onCancel,
}: {
  question: Question;
  onAsk: (question: Question) => void;
  onCancel: () => void;
}) {
  const [text, setText] = useState(question.text);
  const area = useRef<HTMLTextAreaElement>(null);
  const blank = text.trim() === "" && question.images.length === 0;

  useEffect(() => {
    const { current } = area;
    if (current) {
      grow(current);
      current.focus();
      current.setSelectionRange(current.value.length, current.value.length);
    }
  }, []);

  const ask = () => !blank && onAsk({ ...question, text: text.trim() });
  return (
    <div className="grid gap-3 rounded-md border-deep border-l-3 bg-panel p-4">
      <textarea
        ref={area}
        aria-label="Question"
        rows={1}
        dir="auto"
        value={text}
        className="field field-sizing-content max-h-[50dvh] resize-none"
        onChange={(event) => {
          setText(event.target.value);
          grow(event.target);
        }}
        onKeyDown={(event) => {
          if (isSend(event)) {
            event.preventDefault();
            ask();
          } else if (event.key === "Escape") {
            event.stopPropagation();
            onCancel();
          }
        }}
      />
      <div className="flex flex-wrap items-center justify-end gap-2">
        <p className="mr-auto text-sm text-soft">
          The conversation goes on from here; the old one is kept beside it.
        </p>
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" className="button button-main" disabled={blank} onClick={ask}>
          Ask this
        </button>
      </div>
    </div>
  );
}
