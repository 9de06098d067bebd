/** Runs `task` with the next picture; soon, where no picture is drawn because nobody looks. */
export function onNextFrame(task: () => void): void {
  if (document.visibilityState === "visible") {
    requestAnimationFrame(task);
  } else {
    setTimeout(task, 100);
  }
}
