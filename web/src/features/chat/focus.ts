/**
 * Gives the focus to the question, when what had it is gone from the page: else no key would do anything. Not where
 * focus brings up a keyboard that covers half of the page.
 */
export function toQuestion(): void {
  if (matchMedia("(pointer: fine)").matches) {
    document.querySelector<HTMLElement>("#question textarea")?.focus();
  }
}

/** Gives the focus to the button of this name in a message that has come in place of another, or to the message. */
export function toButton(message: string, label: string): void {
  // Once it is drawn.
  requestAnimationFrame(() => {
    const article = document.getElementById(`message-${message}`);
    const button = article?.querySelector<HTMLElement>(`button[aria-label="${label}"]:enabled`);
    (button ?? article)?.focus({ preventScroll: true });
  });
}
