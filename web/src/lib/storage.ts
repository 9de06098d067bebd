/** What this browser keeps: preferences and drafts. No token, and nothing that an answer said. */

/** Browsers may forbid storage, or have none left; then nothing is kept, and nothing breaks. */
export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`deeper.${key}`);
  } catch {
    return null;
  }
}

/** Keeps `value`, or with null forgets what was kept. */
export function keep(key: string, value: string | null): void {
  try {
    if (value === null) {
      localStorage.removeItem(`deeper.${key}`);
    } else {
      localStorage.setItem(`deeper.${key}`, value);
    }
  } catch {
    // As above.
  }
}

/** Forgets everything whose key begins so. */
export function forgetAll(prefix: string): void {
  try {
    const keys = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index));
    for (const key of keys) {
      if (key?.startsWith(`deeper.${prefix}`)) {
        localStorage.removeItem(key);
      }
    }
  } catch {
    // As above.
  }
}
