"use client";

import { useSyncExternalStore } from "react";
import { Icon } from "@/components/icons";

function subscribe(listener: () => void): () => void {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}

/** Says that the device has no network, as long as it has none. */
export function ConnectionBanner() {
  const online = useSyncExternalStore(
    subscribe,
    () => navigator.onLine,
    () => true,
  );
  return (
    <div role="status">
      {!online && (
        <p className="flex items-center justify-center gap-2 bg-warn-wash px-4 py-2 text-sm">
          <Icon name="warning" size={16} />
          You are offline. What is here stays; answers go on at the server.
        </p>
      )}
    </div>
  );
}
