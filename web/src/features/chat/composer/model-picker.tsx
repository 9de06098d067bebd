"use client";

import { Icon } from "@/components/icons";
import { Menu } from "@/components/menu";
import type { Model } from "@/lib/api/types";
import { answers, type ModelChoice } from "../models";

/** Which model is asked. */
export function ModelPicker({ choice: { models, model, choose, loading } }: { choice: ModelChoice }) {
  const fit = models.filter(answers);
  return (
    <Menu
      label={`Model: ${model?.name ?? "none"}`}
      className="flex min-h-9 min-w-0 items-center gap-1.5 rounded-md px-2.5 text-soft hover:bg-wash hover:text-ink"
      choices={fit.map((each) => ({
        label: each.name,
        detail: about(each),
        chosen: each.name === model?.name,
        onChoose: () => choose(each.name),
      }))}
    >
      <span data-model-picker="" className="truncate font-medium text-ink">
        {model?.name ?? (loading ? "Loading models…" : "No model")}
      </span>
      <span className="rotate-90">
        <Icon name="forward" size={13} />
      </span>
    </Menu>
  );
}

function about(model: Model): string | undefined {
  const said = [
    model.parameter_size,
    model.quantization,
    model.size && `${(model.size / 1e9).toFixed(1)} GB`,
    model.loaded && "in memory",
    model.capabilities?.includes("vision") && "sees images",
  ];
  return said.filter(Boolean).join(" · ") || undefined;
}
