"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { Loading } from "@/components/loading";

/** There is one thing to do here. */
export default function Home() {
  const router = useRouter();
  useEffect(() => router.replace("/chat"), [router]);
  return <Loading />;
}
