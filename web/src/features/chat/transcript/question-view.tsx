"use client";

import { useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { Icon } from "@/components/icons";
import { imageAddress } from "../composer/images";
import { toQuestion } from "../focus";
import type { Question } from "../model/transcript";
import { Branches } from "./branches";
import type { MessageProps } from "./message-view";
import { QuestionEditor } from "./question-editor";

/** What somebody asked, and how to ask it differently. */
export function QuestionView({ message, conversation, manner, quiet, last }: MessageProps) {
  const [editing, setEditing] = useState(false);
  const question = { text: message.content, images: message.images ?? [] };
  return (
    <article
      id={`message-${message.id}`}
      tabIndex={-1}
      aria-label="You"
      className="message gap-1"
      data-last={last}
    >
      {editing && manner ? (
        <QuestionEditor
          question={question}
          onCancel={() => {
            setEditing(false);
            document.querySelector<HTMLElement>("#question textarea")?.focus();
          }}
          onAsk={(changed) => {
            setEditing(false);
            conversation.askInstead(message, changed, manner);
            toQuestion();
          }}
        />
      ) : (
        <>
          <QuestionText question={question} />
          <footer className="actions -ml-2 flex min-h-9 items-center gap-0.5">
            <Branches message={message} conversation={conversation} disabled={quiet} />
            <CopyButton text={message.content} label="Copy question" />
            <button
              type="button"
              className="icon-button"
              aria-label="Edit question"
              title="Edit question"
              data-edit-question=""
              disabled={quiet || !manner}
              onClick={() => setEditing(true)}
            >
              <Icon name="edit" size={17} />
            </button>
          </footer>
        </>
      )}
    </article>
  );
}

export function QuestionText({ question }: { question: Question }) {
  return (
    <div className="grid gap-3 rounded-md border-deep border-l-3 bg-panel px-4 py-3">
      <h2 className="sr-only">You</h2>
      {question.text && (
        <p dir="auto" className="whitespace-pre-wrap break-words [overflow-wrap:anywhere]">
          {question.text}
        </p>
      )}
      {question.images.length > 0 && (
        <ul className="flex flex-wrap gap-2">
          {question.images.map((image, index) => (
            <li key={image.slice(-40)}>
              <img
                src={imageAddress(image)}
                alt={`Attached, ${index + 1} of ${question.images.length}`}
                className="max-h-48 max-w-full rounded-sm"
              />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
