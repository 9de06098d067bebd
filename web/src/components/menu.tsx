"use client";

import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Icon, type IconName } from "./icons";

export interface Choice {
  label: string;
  icon?: IconName;
  detail?: string | undefined;
  chosen?: boolean;
  bad?: boolean;
  onChoose: () => void;
}

/** A button that opens a list of things to choose one from: with the arrows, by the first letters, or by pointing. */
export function Menu({
  label,
  named = false,
  className,
  children,
  choices,
  align = "start",
}: {
  label: string;
  /** What the button shows is its name. */
  named?: boolean;
  className: string;
  children: ReactNode;
  choices: readonly Choice[];
  align?: "start" | "end";
}) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    const shown = list.current;
    const anchor = button.current;
    if (!open || !shown || !anchor) {
      return;
    }
    // In the top layer nothing that scrolls can cut it off; so it has to be told where its button is.
    shown.showPopover();
    // What there is to choose may still be on its way.
    const observer = new ResizeObserver(() => place(shown, anchor, align));
    observer.observe(shown);
    place(shown, anchor, align);
    (shown.querySelector<HTMLElement>('[aria-checked="true"]') ?? items(shown)[0])?.focus();
    const close = (event: ToggleEvent) => event.newState === "closed" && setOpen(false);
    shown.addEventListener("toggle", close as EventListener);
    return () => {
      observer.disconnect();
      shown.removeEventListener("toggle", close as EventListener);
    };
  }, [open, align]);

  function leave(): void {
    setOpen(false);
    button.current?.focus();
  }

  const checkable = choices.some((choice) => choice.chosen !== undefined);
  return (
    <>
      <button
        ref={button}
        type="button"
        className={className}
        aria-label={named ? undefined : label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {children}
      </button>
      {open && (
        <div
          ref={list}
          id={id}
          role="menu"
          popover="auto"
          tabIndex={-1}
          aria-label={label}
          onKeyDown={(event) => move(event, leave)}
          className="fixed inset-auto m-0 max-h-[min(60dvh,26rem)] min-w-48 max-w-[min(22rem,calc(100vw-1rem))] overflow-y-auto rounded-md border border-line bg-raised p-1 text-ink shadow-xl"
        >
          {choices.map((choice) => (
            // biome-ignore lint/a11y/useAriaPropsSupportedByRole: it is checked only where it is a radio item
            <button
              key={choice.label}
              type="button"
              role={checkable ? "menuitemradio" : "menuitem"}
              aria-checked={checkable ? choice.chosen === true : undefined}
              tabIndex={-1}
              className={`flex min-h-10 w-full items-center gap-3 rounded-sm px-3 py-1.5 text-left hover:bg-wash focus:bg-wash focus-visible:outline-offset-[-2px] ${choice.bad ? "text-bad" : ""}`}
              onClick={() => {
                leave();
                choice.onChoose();
              }}
            >
              {choice.icon && <Icon name={choice.icon} />}
              <span className="min-w-0 flex-1 break-words">
                {choice.label}
                {choice.detail && <span className="block text-sm text-soft">{choice.detail}</span>}
              </span>
              {choice.chosen && <Icon name="check" />}
            </button>
          ))}
        </div>
      )}
    </>
  );
}

function place(list: HTMLElement, anchor: HTMLElement, align: "start" | "end"): void {
  const at = anchor.getBoundingClientRect();
  const { width, height } = list.getBoundingClientRect();
  const left = align === "start" ? at.left : at.right - width;
  const below = at.bottom + 4;
  const top = below + height > innerHeight - 8 ? Math.max(8, at.top - height - 4) : below;
  list.style.left = `${Math.min(Math.max(8, left), innerWidth - width - 8)}px`;
  list.style.top = `${top}px`;
}

function items(list: HTMLElement): HTMLElement[] {
  return Array.from(list.querySelectorAll<HTMLElement>("button"));
}

function move(event: KeyboardEvent<HTMLDivElement>, leave: () => void): void {
  const all = items(event.currentTarget);
  const at = all.indexOf(document.activeElement as HTMLElement);
  const next = target(event.key, at, all);
  if (next) {
    event.preventDefault();
    next.focus();
  } else if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    leave();
  }
}

function target(key: string, at: number, all: HTMLElement[]): HTMLElement | undefined {
  switch (key) {
    case "ArrowDown":
      return all[(at + 1) % all.length];
    case "ArrowUp":
      return all.at(at - 1);
    case "Home":
      return all[0];
    case "End":
      return all.at(-1);
    default: {
      const begins = (item: HTMLElement) => item.textContent?.toLowerCase().startsWith(key.toLowerCase());
      return key.length === 1 && key !== " " ? [...all.slice(at + 1), ...all].find(begins) : undefined;
    }
  }
}
