// Sets the theme that was chosen, before the page is drawn. What is kept under this name, src/lib/theme.ts writes.
try {
  const theme = localStorage.getItem("deeper.theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
} catch {
  // No storage: the system's theme it is.
}
