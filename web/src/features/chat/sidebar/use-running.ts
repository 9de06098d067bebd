"use client";

import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { api, result } from "@/lib/api/client";
import { conversations } from "../model/conversations";

/** The conversations in which answers are being written, asked for on whatever device. */
export function useRunning(): ReadonlySet<string> {
  const { data } = useQuery({
    queryKey: ["conversations", "running"],
    queryFn: () => result(api.GET("/v1/generations")),
    // Tabs of this browser tell each other; this is for the other devices.
    refetchInterval: 15_000,
    refetchOnWindowFocus: true,
  });
  const running = useMemo(
    () => new Set((data?.items ?? []).flatMap(({ conversation_id }) => conversation_id ?? [])),
    [data],
  );
  useEffect(() => conversations.noticeRunning(running), [running]);
  return running;
}
