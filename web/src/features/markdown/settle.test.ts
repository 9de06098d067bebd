import fc from "fast-check";
import type { Token } from "marked";
import { expect, test } from "vitest";
import { lex } from "./lex";
import { settle } from "./settle";

const BLOCKS = [
  "A line\n- one\n- two\n  - three",
  "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
  "Text\n---\nmore",
  "***",
  "## Heading\ntext below",
  "Some **bold**, _thin_, `code` and ~~gone~~ words.",
  "1. first\n2. second",
  "```python\nprint('|')\n\n- x\n```",
  "> quoted\n> more",
  "See [a link](https://example.com/x) after",
  "- [ ] to do\n- [x] done",
];

const kinds = (tokens: readonly Token[]) => tokens.map(({ type }) => type).filter((type) => type !== "space");

function expectSteady(text: string): void {
  const whole = kinds(lex(text));
  for (let end = 1; end <= text.length; end += 1) {
    const shown = kinds(lex(settle(text.slice(0, end))));
    expect(shown, JSON.stringify(text.slice(0, end))).toEqual(whole.slice(0, shown.length));
  }
}

test.each(BLOCKS)("no block that was shown becomes another kind of block while more comes: %j", expectSteady);

test("nor does one after any others", () => {
  const texts = fc
    .array(fc.constantFrom(...BLOCKS), { minLength: 2, maxLength: 4 })
    .map((blocks) => blocks.join("\n\n"));
  fc.assert(fc.property(texts, expectSteady), { numRuns: 60 });
});
