import type { Token, Tokens } from "marked";
import { type JSX, memo, type ReactNode } from "react";
import { CodeBlock } from "./code-block";
import { Inline } from "./inline";

// The page has a heading, and each message has one; those of an answer come below.
const ABOVE = 2;

/** Blocks of text. One that did not change is not made again. */
export function Blocks({ tokens }: { tokens: readonly Token[] }): ReactNode {
  return tokens.map((token, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: tokens have no names, and are only ever added at the end
    <Block key={index} token={token} />
  ));
}

const Block = memo(
  function Block({ token }: { token: Token }): ReactNode {
    switch (token.type) {
      case "heading":
        return <Heading heading={token as Tokens.Heading} />;
      case "paragraph":
        return (
          <p>
            <Inline tokens={token.tokens} />
          </p>
        );
      case "code":
        return <Code code={token as Tokens.Code} />;
      case "list":
        return <List list={token as Tokens.List} />;
      case "blockquote":
        return (
          <blockquote>
            <Blocks tokens={token.tokens ?? []} />
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
  (before, after) => before.token.type === after.token.type && before.token.raw === after.token.raw,
);

function Heading({ heading }: { heading: Tokens.Heading }) {
  const Tag = `h${Math.min(heading.depth + ABOVE, 6)}` as keyof JSX.IntrinsicElements;
  return (
    <Tag data-depth={heading.depth}>
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

function List({ list }: { list: Tokens.List }) {
  const items = list.items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: as above
    <li key={index}>
      {item.task && (
        <input type="checkbox" checked={item.checked ?? false} readOnly disabled aria-label="Done" />
      )}
      <Blocks tokens={item.tokens} />
    </li>
  ));
  return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table }: { table: Tokens.Table }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section className="table-scroll" tabIndex={0} aria-label="Table">
      <table>
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
