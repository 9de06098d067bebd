"use client";

import { type DragEvent, type RefObject, useEffect, useState } from "react";
import { Icon } from "@/components/icons";
import { Notice } from "@/components/notice";
import { toast } from "@/components/toasts";
import { words } from "@/lib/api/errors";
import { session } from "@/lib/session/browser";
import { Composer, type ComposerHandle } from "./composer/composer";
import { ConnectionBanner } from "./connection-banner";
import { EmptyState } from "./empty-state";
import { useModelChoice } from "./models";
import { TranscriptView } from "./transcript/transcript-view";
import type { Shown } from "./use-conversation";

/** A conversation, and the place to go on with it. */
export function ChatMain({
  shown: { conversation, view, message },
  title,
  composer,
  onMenu,
}: {
  shown: Shown;
  title: string | undefined;
  composer: RefObject<ComposerHandle | null>;
  onMenu: () => void;
}) {
  const choice = useModelChoice(view.transcript.messages);
  const [dropping, setDropping] = useState(false);
  const { manner } = choice;
  const fresh = view.status === "empty" && !view.pending;
  const name = fresh ? "New conversation" : title || "Conversation";

  useEffect(() => {
    document.title = `${name} · DeeperSensor`;
  }, [name]);

  function drop(event: DragEvent): void {
    event.preventDefault();
    setDropping(false);
    composer.current?.attach(event.dataTransfer.files);
  }

  return (
    <main
      className="relative flex min-w-0 flex-1 flex-col"
      onDragOver={(event) => {
        event.preventDefault();
        setDropping(event.dataTransfer.types.includes("Files"));
      }}
      onDragLeave={(event) => event.currentTarget === event.target && setDropping(false)}
      onDrop={drop}
    >
      <header className="flex min-h-13 items-center gap-2 border-line border-b px-2">
        <button
          type="button"
          className="icon-button"
          aria-label="Conversations"
          title="Conversations (Ctrl+Shift+S)"
          onClick={onMenu}
        >
          <Icon name="menu" />
        </button>
        <h1 className="min-w-0 flex-1 truncate font-medium">{name}</h1>
      </header>
      <ConnectionBanner />
      <Content
        shown={{ conversation, view, message }}
        choice={choice}
        onSuggest={(text) => composer.current?.put({ text, images: [] })}
        onTakeBack={() => {
          const question = conversation.takeBack();
          if (question) {
            composer.current?.put(question);
          }
        }}
      />
      <div id="question" className="column pt-1 pb-[max(0.75rem,env(safe-area-inset-bottom))]">
        <Composer
          ref={composer}
          account={session.account()}
          conversation={view.id}
          choice={choice}
          answering={conversation.isAnswering()}
          unsent={view.pending?.question}
          quiet={message !== undefined}
          onAsk={(question) => manner && conversation.ask(question, manner)}
          onStop={() => conversation.stop().catch((error: unknown) => toast(words(error)))}
          onEditLast={() =>
            Array.from(document.querySelectorAll<HTMLButtonElement>("[data-edit-question]")).at(-1)?.click()
          }
        />
        <p className="pt-2 text-center text-[0.8125rem] text-soft">
          Models make mistakes. Check what matters.
        </p>
      </div>
      {dropping && (
        <div className="pointer-events-none absolute inset-2 grid place-items-center rounded-md border-2 border-deep border-dashed bg-page/90 font-medium text-deep">
          Drop images here
        </div>
      )}
    </main>
  );
}

function Content({
  shown: { conversation, view, message },
  choice,
  onSuggest,
  onTakeBack,
}: {
  shown: Shown;
  choice: ReturnType<typeof useModelChoice>;
  onSuggest: (text: string) => void;
  onTakeBack: () => void;
}) {
  switch (view.status) {
    case "empty":
      return <EmptyState choice={choice} onSuggest={onSuggest} />;
    case "loading":
      return <Skeleton />;
    case "missing":
    case "failed":
      return (
        <div className="column min-h-0 flex-1 content-center">
          <Notice
            action={
              view.status === "failed" && (
                <button type="button" className="button" onClick={() => void conversation.open()}>
                  Try again
                </button>
              )
            }
          >
            {view.status === "missing"
              ? "This conversation does not exist, or no longer."
              : words(view.error)}
          </Notice>
        </div>
      );
    case "ready":
      return (
        <TranscriptView
          conversation={conversation}
          view={view}
          manner={choice.manner}
          sought={message}
          onTakeBack={onTakeBack}
        />
      );
  }
}

function Skeleton() {
  return (
    <div className="column min-h-0 flex-1 py-8" aria-busy="true">
      <span role="status" className="sr-only">
        Loading
      </span>
      <div aria-hidden="true" className="grid animate-pulse gap-4">
        {["h-14 w-full", "h-4 w-11/12", "h-4 w-4/5", "h-4 w-2/3"].map((size) => (
          <div key={size} className={`rounded-sm bg-panel ${size}`} />
        ))}
      </div>
    </div>
  );
}
