"use client";

/** Something in the page itself broke. */
export default function Broken({ reset }: { reset: () => void }) {
  return (
    <main className="column grid min-h-dvh content-center gap-4">
      <h1 className="font-semibold text-2xl">This page broke</h1>
      <p className="text-soft">
        Your conversations are safe on the server. Try again, or load the page anew.
      </p>
      <p className="flex gap-3">
        <button type="button" className="button button-main" onClick={reset}>
          Try again
        </button>
        <button type="button" className="button" onClick={() => location.reload()}>
          Load anew
        </button>
      </p>
    </main>
  );
}
