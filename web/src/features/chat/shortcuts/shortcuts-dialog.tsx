import { Dialog } from "@/components/dialog";
import { COMPOSER_KEYS, SHORTCUTS } from "./shortcuts";

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="grid gap-2.5">
        {[...COMPOSER_KEYS, ...Object.values(SHORTCUTS)].map(({ keys, does }) => (
          <div key={does} className="flex items-baseline justify-between gap-6">
            <dt>{does}</dt>
            <dd className="flex flex-none gap-1">
              {keys.split("+").map((key) => (
                <kbd key={key} className="rounded-sm border border-line bg-panel px-1.5 font-mono text-sm">
                  {key}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
