import { Icon } from "@/components/icons";
import type { ToolCall } from "@/lib/api/types";

/** Tools that the model wants called, with what. */
export function ToolCalls({ calls }: { calls: readonly ToolCall[] }) {
  if (calls.length === 0) {
    return null;
  }
  return (
    <ul className="grid gap-2">
      {calls.map((call, index) => (
        <li key={call.id || index} className="rounded-md border border-line px-4 py-2 text-sm">
          <details>
            <summary className="flex min-h-8 items-center gap-2">
              <Icon name="tool" size={16} />
              <span>
                Calls <code className="font-medium">{call.function.name}</code>
              </span>
            </summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
            <pre tabIndex={0} className="overflow-x-auto py-2 text-[0.8125rem]">
              {readable(call.function.arguments ?? "")}
            </pre>
          </details>
        </li>
      ))}
    </ul>
  );
}

/** Models may get their JSON wrong; then it is shown as it is. */
function readable(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
