import { QueryObserver } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";
import { askAnew, queries } from "./queries";

test("an answer from before a change is not kept, though it was the first and comes last", async () => {
  const answers: ((told: string) => void)[] = [];
  const ask = () => new Promise<string>((resolve) => answers.push(resolve));
  const list = new QueryObserver(queries, { queryKey: ["list"], queryFn: ask });
  const stop = list.subscribe(() => undefined);
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  void askAnew(["list"]);
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.("after");
  await vi.waitFor(() => expect(list.getCurrentResult().data).toBe("after"));
  answers[0]?.("before");
  await new Promise((resolve) => setTimeout(resolve));
  expect(list.getCurrentResult().data).toBe("after");
  stop();
});
