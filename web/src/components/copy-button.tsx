"use client";

import { useEffect, useState } from "react";
import { announce } from "./announcer";
import { Icon } from "./icons";
import { toast } from "./toasts";

/** Copies `text`, and says that it did. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (copied) {
      const timer = setTimeout(() => setCopied(false), 2_000);
      return () => clearTimeout(timer);
    }
  }, [copied]);

  return (
    <button
      type="button"
      className="icon-button"
      title={label}
      aria-label={label}
      onClick={async () => {
        if (await copy(text)) {
          setCopied(true);
          announce("Copied");
        } else {
          toast("The browser does not allow copying.");
        }
      }}
    >
      <Icon name={copied ? "check" : "copy"} size={17} />
    </button>
  );
}

/** Puts `text` on the clipboard; false where the browser does not let it. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
