/** Character references, which Markdown takes from HTML. */

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  copy: "©",
  reg: "®",
  trade: "™",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  laquo: "«",
  raquo: "»",
  bull: "•",
  middot: "·",
  deg: "°",
  times: "×",
  divide: "÷",
  plusmn: "±",
  minus: "−",
  ne: "≠",
  le: "≤",
  ge: "≥",
  infin: "∞",
  sum: "∑",
  radic: "√",
  pi: "π",
  larr: "←",
  uarr: "↑",
  rarr: "→",
  darr: "↓",
  rArr: "⇒",
  euro: "€",
  pound: "£",
  sect: "§",
  para: "¶",
  emsp: "\u2003",
  ensp: "\u2002",
  shy: "\u00ad",
};

/** Returns `text` with the characters that its references stand for. Those that nobody knows stay as they are. */
export function resolved(text: string): string {
  return text.replaceAll(
    /&(?:#(\d{1,7})|#[xX]([\dA-Fa-f]{1,6})|(\w{2,8}));/g,
    (whole, decimal, hex, name) => {
      if (name !== undefined) {
        return NAMED[name] ?? whole;
      }
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000)
        ? String.fromCodePoint(code)
        : "\ufffd";
    },
  );
}
