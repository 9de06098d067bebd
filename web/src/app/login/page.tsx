import type { Metadata } from "next";
import { AuthPage } from "@/features/auth/auth-page";

export const metadata: Metadata = { title: "Sign in" };

export default function Page() {
  return <AuthPage purpose="login" />;
}
