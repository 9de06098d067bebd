import type { Token, Tokens } from "marked";
import { Fragment, type ReactNode } from "react";
import { resolved } from "./entities";
import { safeAddress } from "./links";

/** Text with emphasis, links and code. HTML that a model writes is shown, and never becomes part of the page. */
export function Inline({ tokens }: { tokens: readonly Token[] | undefined }): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: tokens have no names, and are only ever added at the end
  return tokens?.map((token, index) => <Fragment key={index}>{inline(token)}</Fragment>);
}

function inline(token: Token): ReactNode {
  switch (token.type) {
    case "strong":
      return (
        <strong>
          <Inline tokens={token.tokens} />
        </strong>
      );
    case "em":
      return (
        <em>
          <Inline tokens={token.tokens} />
        </em>
      );
    case "del":
      return (
        <del>
          <Inline tokens={token.tokens} />
        </del>
      );
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "link":
      return <Link link={token as Tokens.Link} />;
    case "image":
      return <Picture image={token as Tokens.Image} />;
    case "html":
      return /^<br\s*\/?>$/i.test(token.raw.trim()) ? <br /> : token.raw;
    case "text":
      return token.tokens ? <Inline tokens={token.tokens} /> : resolved((token as Tokens.Text).text);
    case "escape":
      return (token as Tokens.Escape).text;
    default:
      return token.raw;
  }
}

function Link({ link }: { link: Tokens.Link }) {
  const address = safeAddress(link.href);
  if (address === undefined) {
    return <Inline tokens={link.tokens} />;
  }
  return (
    <a href={address} title={address} target="_blank" rel="noopener noreferrer nofollow">
      <Inline tokens={link.tokens} />
    </a>
  );
}

/** An image elsewhere would tell its server who reads what, and when. It is a link; who wants to see it follows it. */
function Picture({ image }: { image: Tokens.Image }) {
  const address = safeAddress(image.href);
  const name = image.text || "image";
  return address === undefined ? (
    <span>[{name}]</span>
  ) : (
    <a href={address} title={address} target="_blank" rel="noopener noreferrer nofollow">
      [{name}]
    </a>
  );
}
