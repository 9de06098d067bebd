import { Lexer, Tokenizer, type TokensList } from "marked";

/** Without headings that are underlined: a model that writes `---` below a text means to draw a line. */
class Dialect extends Tokenizer {
  override lheading(): undefined {
    return undefined;
  }
}

/** Reads Markdown, as GitHub knows it. */
export function lex(text: string): TokensList {
  return new Lexer({ gfm: true, tokenizer: new Dialect() }).lex(text);
}
