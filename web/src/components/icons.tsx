import type { ReactNode } from "react";

/** Strokes on a grid of 24; what they mean is said beside them, or by the button that they are in. */
const SHAPES = {
  archive: <path d="M4 7h16M5 7v12h14V7M3 4h18v3H3zM10 12h4" />,
  back: <path d="M15 5l-7 7 7 7" />,
  brain: <path d="M9 18h6M10 21h4M8.5 15.5a6 6 0 1 1 7 0c-.6.5-.9 1.1-.9 2.5h-5.2c0-1.4-.3-2-.9-2.5z" />,
  check: <path d="M5 12.5l4.5 4.5L19 7.5" />,
  close: <path d="M6 6l12 12M18 6L6 18" />,
  copy: <path d="M9 9h11v11H9zM5 15H4V4h11v1" />,
  down: <path d="M12 5v14M6 13l6 6 6-6" />,
  download: <path d="M12 4v11M7 11l5 5 5-5M5 20h14" />,
  edit: <path d="M4 20h4L19 9l-4-4L4 16zM13 7l4 4" />,
  forward: <path d="M9 5l7 7-7 7" />,
  image: <path d="M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01" />,
  menu: <path d="M4 7h16M4 12h16M4 17h10" />,
  more: <path d="M6 12h.01M12 12h.01M18 12h.01" strokeWidth={2.6} />,
  plus: <path d="M12 5v14M5 12h14" />,
  repeat: <path d="M20 12a8 8 0 1 1-2.5-5.8M20 3v4.5h-4.5" />,
  search: <path d="M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20" />,
  send: <path d="M12 20V5M5.5 11.5L12 5l6.5 6.5" />,
  settings: <path d="M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5" />,
  shield: <path d="M12 3l8 3v6c0 4.5-3.3 7.7-8 9-4.7-1.3-8-4.5-8-9V6z" />,
  stop: <path d="M7 7h10v10H7z" fill="currentColor" />,
  tool: <path d="M8 8l-4 4 4 4M16 8l4 4-4 4M13.5 6l-3 12" />,
  trash: <path d="M5 7h14M10 4h4M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5" />,
  warning: <path d="M12 4l9 16H3zM12 10v5M12 17.5v.01" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.7}
      strokeLinecap="round"
      strokeLinejoin="round"
      className="flex-none"
    >
      {SHAPES[name]}
    </svg>
  );
}

/** The mark: an echo that comes back from below. */
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      strokeLinecap="round"
    >
      <path d="M3 6h18M6.5 11a8 8 0 0 0 11 0M9.3 15.5a4 4 0 0 0 5.4 0M12 20v.01" />
    </svg>
  );
}
