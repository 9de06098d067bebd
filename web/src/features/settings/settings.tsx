"use client";

import { PageFrame } from "@/components/page-frame";
import { AccountSection } from "./account-section";
import { DevicesSection } from "./devices-section";
import { KeysSection } from "./keys-section";
import { PasswordSection } from "./password-section";
import { ThemeSection } from "./theme-section";
import { UsageSection } from "./usage-section";

export default function Settings() {
  return (
    <PageFrame title="Settings">
      <ThemeSection />
      <UsageSection />
      <PasswordSection />
      <DevicesSection />
      <KeysSection />
      <AccountSection />
    </PageFrame>
  );
}
