"use client";

import { useId, useState } from "react";

/** A password, which can be looked at. `fresh`: it is a new one, which the browser may propose. */
export function PasswordField({
  name,
  label,
  fresh,
  hint,
}: {
  name: string;
  label: string;
  fresh: boolean;
  hint?: string | undefined;
}) {
  const id = useId();
  const [seen, setSeen] = useState(false);
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <div className="relative">
        <input
          id={id}
          name={name}
          type={seen ? "text" : "password"}
          autoComplete={fresh ? "new-password" : "current-password"}
          required
          minLength={fresh ? 8 : 1}
          maxLength={1024}
          spellCheck={false}
          autoCapitalize="none"
          aria-describedby={hint ? `${id}-hint` : undefined}
          className="field pr-18"
        />
        <button
          type="button"
          aria-pressed={seen}
          aria-label={`Show ${label.toLowerCase()}`}
          className="absolute inset-y-1 right-1 rounded-sm px-3 text-sm text-soft hover:text-ink"
          onClick={() => setSeen(!seen)}
        >
          {seen ? "Hide" : "Show"}
        </button>
      </div>
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-soft">
          {hint}
        </p>
      )}
    </div>
  );
}
