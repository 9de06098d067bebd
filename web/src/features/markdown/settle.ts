/** Markdown that is not whole yet. */
import remend from "remend";

// The last line has only characters so far that may become markup: a list, a heading, a rule, a fence, a quote. What
// it makes of the line above depends on what comes next.
const UNDECIDED = /(^|\n)[ \t]*(?:[-=*+_]+|\d{1,9}[.)]?|#{1,6}|>+|`{1,3}|~{1,3})[ \t]*$/;

const DELIMITER = /^[ \t]*\|?[ \t:|-]*$/;

/**
 * Returns what of `text` can be shown now, so that nothing that is shown turns into something else when more comes:
 * open emphasis, code and links are closed, and a last line that may become anything waits.
 */
export function settle(text: string): string {
  return remend(withoutOpenRow(text).replace(UNDECIDED, "$1"), {
    comparisonOperators: false,
    htmlTags: false,
    katex: false,
    linkMode: "text-only",
    setextHeadings: false,
    singleTilde: false,
  });
}

/** Rows of tables come whole, and the first one with the line below it, which makes a table of it. */
function withoutOpenRow(text: string): string {
  const lines = text.split("\n");
  const [before = "", head = "", last = ""] =
    lines.slice(-3).length === 3 ? lines.slice(-3) : ["", ...lines.slice(-2)];
  if (isRow(head) && !isRow(before) && DELIMITER.test(last)) {
    return lines.slice(0, -2).join("\n");
  }
  return isRow(lines.at(-1) ?? "") ? lines.slice(0, -1).join("\n") : text;
}

function isRow(line: string): boolean {
  return line.trimStart().startsWith("|");
}
