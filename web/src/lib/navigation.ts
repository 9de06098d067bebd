import type { Route } from "next";
import { useRouter } from "next/navigation";

/**
 * Leads to another address of ours. From one conversation to another it asks no server: what is typed before that
 * answered would be lost in the old one, and without a network there would be no way at all.
 */
export function useGoTo(): (address: Route) => void {
  const router = useRouter();
  return (address) => {
    if (address.split("?", 1)[0] === location.pathname) {
      history.pushState(null, "", address);
    } else {
      router.push(address);
    }
  };
}
