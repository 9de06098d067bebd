import { Icon } from "@/components/icons";

/** What a model thought before it answered. It is there for whoever wants to know. */
export function Thinking({ text, done }: { text: string; done: boolean }) {
  return (
    <details className="text-soft">
      <summary className="inline-flex min-h-8 items-center gap-2 text-sm hover:text-ink">
        <Icon name="brain" size={16} />
        {done ? "Thoughts" : "Thinking…"}
      </summary>
      <p dir="auto" className="whitespace-pre-wrap break-words border-line border-l-2 pl-4 text-[0.95rem]">
        {text}
      </p>
    </details>
  );
}
