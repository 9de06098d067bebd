"use client";

import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import { Icon } from "@/components/icons";
import { prepareMarkdown } from "@/features/markdown/lazy-markdown";
import { toQuestion } from "../focus";
import type { Question } from "../model/transcript";
import type { ModelChoice } from "../models";
import { AttachmentList } from "./attachment-list";
import { joined } from "./drafts";
import { MOST_IMAGES } from "./images";
import { grow, isSend } from "./keys";
import { ModelPicker } from "./model-picker";
import { useAttachments } from "./use-attachments";
import { useDraft } from "./use-draft";

/** What others may do with it. */
export interface ComposerHandle {
  focus: () => void;
  /** Puts a question before what is typed. */
  put: (question: Question) => void;
  attach: (files: FileList) => void;
}

export interface ComposerProps {
  ref: Ref<ComposerHandle>;
  account: string | undefined;
  conversation: string | undefined;
  choice: ModelChoice;
  answering: boolean;
  /** What was asked and is not at the server: on its way, or refused. */
  unsent: Question | undefined;
  /** Something else on the page is what somebody came for. */
  quiet: boolean;
  onAsk: (question: Question) => void;
  onStop: () => void;
  onEditLast: () => void;
}

/** Where questions are written. */
export function Composer({
  ref,
  account,
  conversation,
  choice,
  answering,
  unsent,
  quiet,
  onAsk,
  onStop,
  onEditLast,
}: ComposerProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [text, setText] = useDraft(account, conversation, unsent?.text ?? "");
  const sees = choice.model?.capabilities?.includes("vision") ?? false;
  const attachments = useAttachments(sees);
  const blank = text.trim() === "" && attachments.images.length === 0;
  const unseen = attachments.images.length > 0 && !sees;
  const ready = !blank && !unseen && !answering && unsent === undefined && choice.manner !== undefined;

  useImperativeHandle(ref, () => ({
    focus: () => area.current?.focus(),
    put: (question) => {
      setText(joined(question.text, text));
      attachments.set([...new Set([...question.images, ...attachments.images])].slice(0, MOST_IMAGES));
      area.current?.focus();
    },
    attach: (files) => void attachments.add(files),
  }));

  useEffect(() => {
    // Where focus brings up a keyboard that covers half of the page, it is for whoever is there to ask for it.
    if (!quiet && matchMedia("(pointer: fine)").matches) {
      area.current?.focus();
    }
  }, [quiet]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: as high as the text, however it came to be there
  useEffect(() => {
    if (area.current) {
      grow(area.current);
    }
  }, [text]);

  function send(): void {
    if (ready) {
      onAsk({ text: text.trim(), images: attachments.images });
      setText("");
      attachments.set([]);
      area.current?.focus();
    }
  }

  return (
    <form
      className="rounded-md border border-edge bg-raised focus-within:border-deep"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <AttachmentList
        images={attachments.images}
        onRemove={(image) => {
          attachments.remove(image);
          toQuestion();
        }}
      />
      {unseen && (
        <p role="status" className="px-4 pt-2 text-sm">
          This model does not look at images. Choose one that does, or remove them.
        </p>
      )}
      <textarea
        ref={area}
        rows={1}
        dir="auto"
        value={text}
        aria-label="Your question"
        placeholder="Ask something"
        enterKeyHint="send"
        className="field-sizing-content block max-h-[40dvh] w-full resize-none bg-transparent px-4 pt-3 pb-1 outline-none placeholder:text-soft"
        onChange={(event) => setText(event.target.value)}
        onFocus={prepareMarkdown}
        onPaste={(event) => {
          // Office programs put a picture beside the text that was copied: it is the text that is meant.
          const { files, types } = event.clipboardData;
          if (files.length > 0 && !types.includes("text/plain")) {
            event.preventDefault();
            void attachments.add(files);
          }
        }}
        onKeyDown={(event) => {
          if (isSend(event)) {
            event.preventDefault();
            send();
          } else if (event.key === "Escape" && answering) {
            onStop();
          } else if (event.key === "ArrowUp" && text === "") {
            event.preventDefault();
            onEditLast();
          }
        }}
      />
      <div className="flex items-center gap-1 p-1.5">
        <ModelPicker choice={choice} />
        {choice.thinks !== undefined && (
          <button
            type="button"
            className="icon-button"
            aria-pressed={choice.thinks}
            aria-label="Think first"
            title="Think first"
            onClick={() => choice.setThinks(!choice.thinks)}
          >
            <Icon name="brain" />
          </button>
        )}
        {sees && (
          <>
            <button
              type="button"
              className="icon-button"
              aria-label="Attach images"
              title="Attach images"
              onClick={() => picker.current?.click()}
            >
              <Icon name="image" />
            </button>
            <input
              ref={picker}
              type="file"
              accept="image/*"
              multiple
              hidden
              onChange={(event) => {
                void attachments.add(event.target.files ?? undefined);
                event.target.value = "";
              }}
            />
          </>
        )}
        {answering ? (
          <button
            type="button"
            className="button button-main ml-auto w-10 px-0"
            aria-label="Stop"
            title="Stop (Esc)"
            onClick={() => {
              toQuestion();
              onStop();
            }}
          >
            <Icon name="stop" />
          </button>
        ) : (
          <button
            type="submit"
            className="button button-main ml-auto w-10 px-0"
            aria-label="Send"
            title={unsent ? "What was asked before comes first" : "Send"}
            disabled={!ready}
          >
            <Icon name="send" />
          </button>
        )}
      </div>
    </form>
  );
}
