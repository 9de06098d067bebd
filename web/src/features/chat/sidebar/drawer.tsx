"use client";

import { type ReactNode, useLayoutEffect, useRef } from "react";

/** The conversations on a small screen: over the page, with the focus kept inside. */
export function Drawer({ onClose, children }: { onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);

  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it for the keyboard
    <dialog
      ref={dialog}
      aria-label="Conversations"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === dialog.current && onClose()}
      className="m-0 h-dvh max-h-none w-[min(20rem,88vw)] max-w-none border-line border-r bg-panel"
    >
      {children}
    </dialog>
  );
}
