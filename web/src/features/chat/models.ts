"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, result } from "@/lib/api/client";
import type { Message, Model } from "@/lib/api/types";
import { keep, recall } from "@/lib/storage";
import type { Manner } from "./model/views";

function useModels() {
  return useQuery({
    queryKey: ["models"],
    queryFn: () => result(api.GET("/v1/models")),
    staleTime: 30_000,
    refetchOnWindowFocus: true,
  });
}

/** A model that answers questions; others make vectors of texts. */
export function answers(model: Model): boolean {
  return !model.capabilities || model.capabilities.includes("completion");
}

/**
 * Returns the model to ask: the one that was chosen, else the one that answered last, else the one that was used last
 * anywhere, else one that is in memory already.
 */
export function preferred(
  models: readonly Model[],
  chosen: string | undefined,
  messages: readonly Message[],
  used: string | null,
): Model | undefined {
  const fit = models.filter(answers);
  const last = messages.findLast((message) => message.model)?.model;
  for (const name of [chosen, last, used]) {
    const model = fit.find((each) => each.name === name);
    if (model) {
      return model;
    }
  }
  return fit.find((model) => model.loaded) ?? fit[0];
}

export interface ModelChoice {
  models: readonly Model[];
  model: Model | undefined;
  manner: Manner | undefined;
  choose: (name: string) => void;
  /** Whether the model is to think first; undefined where it cannot. */
  thinks: boolean | undefined;
  setThinks: (thinks: boolean) => void;
  error: unknown;
  loading: boolean;
}

/** The model that the next question goes to, for one conversation. */
export function useModelChoice(messages: readonly Message[]): ModelChoice {
  const { data: models = [], error, isPending } = useModels();
  const [chosen, setChosen] = useState<string>();
  const [wanted, setWanted] = useState(() => recall("think") === "yes");
  const model = preferred(models, chosen, messages, recall("model"));
  const thinks = model?.capabilities?.includes("thinking") ? wanted : undefined;
  return {
    models,
    model,
    manner: model && { model: model.name, think: thinks },
    choose: (name) => {
      keep("model", name);
      setChosen(name);
    },
    thinks,
    setThinks: (value) => {
      keep("think", value ? "yes" : null);
      setWanted(value);
    },
    error,
    loading: isPending,
  };
}
