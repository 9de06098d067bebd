"use client";

import { behindSignIn } from "@/features/auth/behind-sign-in";

export const AdminPage = behindSignIn(() => import("./administration"));
