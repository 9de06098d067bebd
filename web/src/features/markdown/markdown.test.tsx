import { cleanup, render, screen } from "@testing-library/react";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { ATTACKS } from "./attacks";
import Markdown from "./markdown";

afterEach(cleanup);

/** Everything in the page that could run, load or lead somewhere. */
function dangers(root: HTMLElement): string[] {
  const found: string[] = [];
  // The icon of the button that copies code is ours.
  for (const element of root.querySelectorAll("*:not(button[aria-label='Copy code'] *)")) {
    if (
      /^(script|style|iframe|object|embed|img|svg|form|base|meta|link|video|audio|math)$/i.test(
        element.tagName,
      )
    ) {
      found.push(element.outerHTML);
    }
    for (const { name, value } of element.attributes) {
      const leads = name === "href" && !/^(https?|mailto):/.test(value);
      if (/^on/i.test(name) || name === "src" || name === "style" || name === "srcdoc" || leads) {
        found.push(`${name}=${value}`);
      }
    }
  }
  return found;
}

test.each(ATTACKS)("does no harm: %s", (text) => {
  for (const growing of [true, false]) {
    const { container, unmount } = render(<Markdown text={text} growing={growing} />);
    expect(dangers(container)).toEqual([]);
    unmount();
  }
});

test("nothing that can be put together does harm", () => {
  const parts = fc.array(
    fc.constantFrom(
      "<",
      ">",
      "script",
      "img",
      " onerror=x",
      "[a](",
      "javascript:",
      "data:",
      ")",
      "![",
      "]",
      "`",
      "&#106;",
      "\n",
      '"',
      "<!--",
      "x",
    ),
    { maxLength: 24 },
  );
  fc.assert(
    fc.property(parts, (pieces) => {
      const { container, unmount } = render(<Markdown text={pieces.join("")} />);
      expect(dangers(container)).toEqual([]);
      unmount();
    }),
  );
});

test("HTML is shown as it was written", () => {
  const { container } = render(<Markdown text={'A <b onclick="x()">bold</b> move'} />);
  expect(container.textContent).toContain('<b onclick="x()">');
});

test("headings come below those of the page", () => {
  render(<Markdown text={"# One\n\n###### Six"} />);
  expect(screen.getByRole("heading", { level: 3 }).textContent).toBe("One");
  expect(screen.getByRole("heading", { level: 6 }).textContent).toBe("Six");
});

test("links open elsewhere, and tell that page nothing", () => {
  render(<Markdown text="[here](https://example.com/a?b=1)" />);
  const link = screen.getByRole("link", { name: "here" });
  expect(link.getAttribute("href")).toBe("https://example.com/a?b=1");
  expect(link.getAttribute("rel")).toContain("noopener");
  expect(link.getAttribute("rel")).toContain("noreferrer");
});

test("character references are what they stand for, and code is not touched", () => {
  const { container } = render(<Markdown text={"Fish &amp; chips &#8364; `&amp;`"} />);
  expect(container.textContent).toBe("Fish & chips € &amp;");
});

test("a table has its cells", () => {
  render(<Markdown text={"| a | b |\n|---|--:|\n| 1 | 2 |"} />);
  expect(screen.getAllByRole("cell").map(({ textContent }) => textContent)).toEqual(["1", "2"]);
});

test("tasks show whether they are done", () => {
  render(<Markdown text={"- [x] one\n- [ ] two"} />);
  expect(screen.getAllByRole<HTMLInputElement>("checkbox").map(({ checked }) => checked)).toEqual([
    true,
    false,
  ]);
});

test("a link whose address comes later leads there as soon as it is known", () => {
  const text = "- see [the docs][1]\n\nAnd more.";
  const { rerender } = render(<Markdown text={text} growing />);
  expect(screen.queryByRole("link")).toBeNull();
  rerender(<Markdown text={`${text}\n\n[1]: https://example.com/docs\n\nEnd.`} growing />);
  expect(screen.getByRole("link", { name: "the docs" }).getAttribute("href")).toBe(
    "https://example.com/docs",
  );
});

test("each block runs as its own script does, and code from left to right", () => {
  const { container } = render(
    <Markdown text={"# שלום\n\nمرحبا\n\n- פריט\n\n> ציטוט\n\n| א |\n| - |\n| ב |\n\n```\nx = 1\n```"} />,
  );
  for (const name of ["h3", "p", "ul", "blockquote", "table"]) {
    expect(container.querySelector(name)?.getAttribute("dir"), name).toBe("auto");
  }
  expect(container.querySelector("figure")?.getAttribute("dir")).toBe("ltr");
  // A browser that looks for the direction of what is around does not look into those that have their own.
  expect(container.querySelector("blockquote p")?.hasAttribute("dir")).toBe(false);
});
