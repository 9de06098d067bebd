"use client";

import { useRouter } from "next/navigation";
import { Icon } from "@/components/icons";
import { type Choice, Menu } from "@/components/menu";
import { signOut } from "@/lib/session/sign-out";
import { deleteWaiting } from "./deletions";

/** The account, and what belongs to it. */
export function AccountMenu({
  me,
  onShortcuts,
}: {
  me: { email: string; role: string } | undefined;
  onShortcuts: () => void;
}) {
  const router = useRouter();
  const admin: Choice[] =
    me?.role === "admin"
      ? [{ label: "Administration", icon: "shield", onChoose: () => router.push("/admin") }]
      : [];
  return (
    <Menu
      label="Account"
      named
      className="flex min-h-11 w-full min-w-0 items-center gap-3 rounded-md px-2 text-left hover:bg-wash"
      choices={[
        { label: "Settings", icon: "settings", onChoose: () => router.push("/settings") },
        ...admin,
        { label: "Keyboard shortcuts", icon: "more", onChoose: onShortcuts },
        { label: "Sign out", icon: "back", onChoose: () => void deleteWaiting().then(signOut) },
      ]}
    >
      <span
        aria-hidden="true"
        className="grid size-8 flex-none place-items-center rounded-full bg-deep font-semibold text-on-deep"
      >
        {me?.email.slice(0, 1).toUpperCase()}
      </span>
      <span className="min-w-0 flex-1 truncate">{me?.email}</span>
      <Icon name="more" />
    </Menu>
  );
}
