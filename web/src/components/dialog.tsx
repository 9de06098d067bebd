"use client";

import { type ReactNode, useLayoutEffect, useRef } from "react";
import { Icon } from "./icons";

/**
 * Something that has to be seen to before anything else. The browser's own dialog keeps the focus inside, closes with
 * Escape and gives the focus back. What is marked as `data-first` has it at first.
 */
export function Dialog({
  title,
  onClose,
  children,
  className = "max-w-lg",
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  className?: string;
}) {
  const dialog = useRef<HTMLDialogElement>(null);

  // As long as it is in the page: of what is gone already, a browser does not give the focus back.
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) {
      shown.showModal();
      // It would go to the first button else.
      shown.querySelector<HTMLElement>("[data-first]")?.focus();
    }
    return () => shown?.close();
  }, []);

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it for the keyboard
    <dialog
      ref={dialog}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === dialog.current && onClose()}
      className={`w-[calc(100%-2rem)] overflow-hidden rounded-md border border-line bg-raised shadow-2xl ${className}`}
    >
      <div className="flex max-h-[min(85dvh,44rem)] flex-col">
        <header className="flex items-center justify-between gap-4 border-line border-b py-2 pr-2 pl-5">
          <h2 className="font-semibold">{title}</h2>
          <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        <div className="min-h-0 overflow-y-auto p-5">{children}</div>
      </div>
    </dialog>
  );
}
