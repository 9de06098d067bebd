"use client";

import { useState } from "react";
import { Section } from "@/components/page-frame";
import { chooseTheme, chosenTheme, THEMES } from "@/lib/theme";

const NAMES = { system: "As the system", light: "Light", dark: "Dark" };

export function ThemeSection() {
  const [theme, setTheme] = useState(chosenTheme);
  return (
    <Section title="Theme">
      <fieldset className="flex flex-wrap gap-2">
        <legend className="sr-only">Theme</legend>
        {THEMES.map((each) => (
          <label
            key={each}
            className="button has-checked:border-deep has-checked:bg-wash has-focus-visible:outline-2 has-focus-visible:outline-deep"
          >
            <input
              type="radio"
              name="theme"
              className="sr-only"
              checked={theme === each}
              onChange={() => {
                chooseTheme(each);
                setTheme(each);
              }}
            />
            {NAMES[each]}
          </label>
        ))}
      </fieldset>
    </Section>
  );
}
