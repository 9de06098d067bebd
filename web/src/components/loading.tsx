import { Mark } from "./icons";

/** The whole page, before there is anything to show. */
export function Loading() {
  return (
    <main className="grid min-h-dvh place-items-center text-soft" aria-busy="true">
      <h1 className="sr-only">DeeperSensor</h1>
      <span className="animate-pulse">
        <Mark size={36} />
      </span>
      <span className="sr-only" role="status">
        Loading
      </span>
    </main>
  );
}
