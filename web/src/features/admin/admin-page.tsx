"use client";

import { Notice } from "@/components/notice";
import { PageFrame } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { SignedIn } from "@/features/auth/signed-in";
import { useMe } from "@/lib/session/use-session";
import { AuditSection } from "./audit-section";

export function AdminPage() {
  return (
    <SignedIn>
      <PageFrame title="Administration">
        <ForAdmins />
      </PageFrame>
    </SignedIn>
  );
}

function ForAdmins() {
  const me = useMe();
  return (
    <QueryView query={me}>
      {({ role }) =>
        role === "admin" ? <AuditSection /> : <Notice kind="plain">This page is for administrators.</Notice>
      }
    </QueryView>
  );
}
