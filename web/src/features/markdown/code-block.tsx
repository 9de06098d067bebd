import { memo, type ReactNode, useEffect, useState } from "react";
import { CopyButton } from "@/components/copy-button";

/** A block of code. It gets its colours when it is whole. */
export const CodeBlock = memo(function CodeBlock({
  code,
  language,
  whole,
}: {
  code: string;
  language: string;
  whole: boolean;
}) {
  const [colours, setColours] = useState<{ code: string; nodes: ReactNode }>();

  useEffect(() => {
    if (!whole || language === "") {
      return;
    }
    let wanted = true;
    import("./highlight").then(
      ({ highlighted }) => wanted && setColours({ code, nodes: highlighted(code, language) }),
      // Without a network the code stays as it is.
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, [code, language, whole]);

  return (
    <figure className="code-block" dir="ltr">
      <figcaption>
        <span>{language || "text"}</span>
        <CopyButton text={code} label="Copy code" />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <pre tabIndex={0} data-code="">
        <code>{colours?.code === code && colours.nodes ? colours.nodes : code}</code>
      </pre>
    </figure>
  );
});
