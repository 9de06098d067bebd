"use client";

import { Notice } from "@/components/notice";
import { PageFrame } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { useMe } from "@/lib/session/use-session";
import { AuditSection } from "./audit-section";
import { RunningSection } from "./running-section";
import { ServersSection } from "./servers-section";
import { TotalsSection } from "./totals-section";
import { UsersSection } from "./users-section";

export default function Administration() {
  const me = useMe();
  return (
    <PageFrame title="Administration">
      <QueryView query={me}>
        {({ role }) =>
          role === "admin" ? (
            <>
              <ServersSection />
              <RunningSection />
              <TotalsSection />
              <UsersSection />
              <AuditSection />
            </>
          ) : (
            <Notice kind="plain">This page is for administrators.</Notice>
          )
        }
      </QueryView>
    </PageFrame>
  );
}
