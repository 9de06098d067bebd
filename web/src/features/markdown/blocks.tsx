import type { Token, Tokens } from "marked";
import { type JSX, memo, type ReactNode } from "react";
import { CodeBlock } from "./code-block";
import { Inline } from "./inline";

// The page has a heading, and each message has one; those of an answer come below.
const ABOVE = 2;

/**
 * Blocks of text. One that did not change is not made again, unless `links` did: how many addresses were given
 * elsewhere, for texts that lead to them by name. Where they are `inner` blocks, what they are in runs as they do.
 */
export function Blocks({
  tokens,
  links = 0,
  inner = false,
}: {
  tokens: readonly Token[];
  links?: number;
  inner?: boolean;
}): ReactNode {
  return tokens.map((token, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: tokens have no names, and are only ever added at the end
    <Block key={index} token={token} links={links} inner={inner} />
  ));
}

const Block = memo(
  function Block({ token, links, inner }: { token: Token; links: number; inner: boolean }): ReactNode {
    // The direction of a list or a quote is that of the text in it, unless that text has one of its own.
    const direction = inner ? undefined : "auto";
    switch (token.type) {
      case "heading":
        return <Heading heading={token as Tokens.Heading} direction={direction} />;
      case "paragraph":
        return (
          <p dir={direction}>
            <Inline tokens={token.tokens} />
          </p>
        );
      case "code":
        return <Code code={token as Tokens.Code} />;
      case "list":
        return <List list={token as Tokens.List} links={links} />;
      case "blockquote":
        return (
          <blockquote dir="auto">
            <Blocks tokens={token.tokens ?? []} links={links} inner />
          </blockquote>
        );
      case "table":
        return <Table table={token as Tokens.Table} />;
      case "hr":
        return <hr />;
      case "text":
        return token.tokens ? <Inline tokens={token.tokens} /> : token.raw;
      case "html":
        return <p className="whitespace-pre-wrap">{token.raw}</p>;
      default: // space, definitions of links, the box of a task
        return null;
    }
  },
  (before, after) =>
    before.token.type === after.token.type &&
    before.token.raw === after.token.raw &&
    before.links === after.links,
);

function Heading({ heading, direction }: { heading: Tokens.Heading; direction: "auto" | undefined }) {
  const Tag = `h${Math.min(heading.depth + ABOVE, 6)}` as keyof JSX.IntrinsicElements;
  return (
    <Tag data-depth={heading.depth} dir={direction}>
      <Inline tokens={heading.tokens} />
    </Tag>
  );
}

function Code({ code }: { code: Tokens.Code }) {
  const [language = ""] = (code.lang ?? "").split(/\s/);
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(code.raw)?.[1];
  const whole = fence === undefined || code.raw.trimEnd().endsWith(`\n${fence}`);
  return <CodeBlock code={code.text} language={language.toLowerCase()} whole={whole} />;
}

function List({ list, links }: { list: Tokens.List; links: number }) {
  const items = list.items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: as above
    <li key={index}>
      {item.task && (
        <input type="checkbox" checked={item.checked ?? false} readOnly disabled aria-label="Done" />
      )}
      <Blocks tokens={item.tokens} links={links} inner />
    </li>
  ));
  return list.ordered ? (
    <ol dir="auto" start={Number(list.start) || 1}>
      {items}
    </ol>
  ) : (
    <ul dir="auto">{items}</ul>
  );
}

function Table({ table }: { table: Tokens.Table }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section className="table-scroll" tabIndex={0} aria-label="Table">
      <table dir="auto">
        <thead>
          <tr>
            {table.header.map((cell, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: as above
              <th key={index} data-align={cell.align}>
                <Inline tokens={cell.tokens} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above
            <tr key={index}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above
                <td key={column} data-align={cell.align}>
                  <Inline tokens={cell.tokens} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
