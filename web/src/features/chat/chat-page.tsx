"use client";

import { behindSignIn } from "@/features/auth/behind-sign-in";

export const ChatPage = behindSignIn(() => import("./chat"));
