import { toast } from "@/components/toasts";
import { api, result } from "@/lib/api/client";
import { SessionEnded, words } from "@/lib/api/errors";
import { forgetAll } from "@/lib/storage";
import { session } from "./browser";

/** Ends the session, and forgets what was typed and not sent. Only the server can: without it, nobody is signed out. */
export async function signOut(): Promise<void> {
  try {
    await result(api.POST("/v1/auth/logout"));
  } catch (error) {
    if (!(error instanceof SessionEnded)) {
      toast(`You are still signed in. ${words(error)}`);
      return;
    }
  }
  forgetAll("draft.");
  session.end();
}
