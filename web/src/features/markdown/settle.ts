/** Markdown that is not whole yet. */
import remend from "remend";

// The last line has only characters so far that may become markup: a list, a heading, a rule, a fence, a quote. What
// it makes of the line above depends on what comes next.
const UNDECIDED = /(^|\n)[ \t]*(?:[-=*+_]+|\d{1,9}[.)]?|#{1,6}|>+|`{1,3}|~{1,3})[ \t]*$/;

const DELIMITER = /^[ \t]*\|?[ \t:|-]*$/;

// What emphasis, links and code within a line never reach across: an empty line, or one that is a rule.
const BOUNDARY = /^\s*$|^ {0,3}(?:[-*_][ \t]*){3,}$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/**
 * Returns what of `text` can be shown now, so that nothing that is shown turns into something else when more comes:
 * open emphasis, code and links are closed, and a last line that may become anything waits.
 */
export function settle(text: string): string {
  const lines = withoutOpenRow(text).replace(UNDECIDED, "$1").split("\n");
  const from = lines.findLastIndex((line) => BOUNDARY.test(line)) + 1;
  if (isCode(lines)) {
    return lines.join("\n");
  }
  const open = lines.splice(from).join("\n");
  return [...lines, closed(open)].join("\n");
}

function closed(text: string): string {
  return remend(text, {
    comparisonOperators: false,
    htmlTags: false,
    katex: false,
    linkMode: "text-only",
    setextHeadings: false,
    singleTilde: false,
  });
}

/** Whether the last line is inside a block of code. */
function isCode(lines: readonly string[]): boolean {
  let fence: string | undefined;
  for (const line of lines) {
    const mark = FENCE.exec(line)?.[1];
    if (fence === undefined) {
      fence = mark;
    } else if (mark?.startsWith(fence)) {
      fence = undefined;
    }
  }
  return fence !== undefined;
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
