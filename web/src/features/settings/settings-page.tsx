"use client";

import { behindSignIn } from "@/features/auth/behind-sign-in";

export const SettingsPage = behindSignIn(() => import("./settings"));
