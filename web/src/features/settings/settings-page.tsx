"use client";

import { PageFrame } from "@/components/page-frame";
import { SignedIn } from "@/features/auth/signed-in";
import { AccountSection } from "./account-section";
import { DevicesSection } from "./devices-section";
import { KeysSection } from "./keys-section";
import { PasswordSection } from "./password-section";
import { ThemeSection } from "./theme-section";
import { UsageSection } from "./usage-section";

export function SettingsPage() {
  return (
    <SignedIn>
      <PageFrame title="Settings">
        <ThemeSection />
        <UsageSection />
        <PasswordSection />
        <DevicesSection />
        <KeysSection />
        <AccountSection />
      </PageFrame>
    </SignedIn>
  );
}
