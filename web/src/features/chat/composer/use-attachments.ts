"use client";

import { useState } from "react";
import { toast } from "@/components/toasts";
import { imagesOf, MOST_IMAGES, prepareImage } from "./images";

export interface Attachments {
  images: readonly string[];
  /** Takes the images of `files`; what is none is left. */
  add: (files: FileList | undefined) => Promise<void>;
  remove: (image: string) => void;
  set: (images: readonly string[]) => void;
}

/** Images that go with the next question. */
export function useAttachments(allowed: boolean): Attachments {
  const [images, set] = useState<readonly string[]>([]);

  async function add(files: FileList | undefined): Promise<void> {
    const found = imagesOf(files);
    if (found.length === 0) {
      return;
    }
    if (!allowed) {
      toast("This model does not look at images. Choose one that does.");
      return;
    }
    const made = await Promise.all(found.map((file) => prepareImage(file).catch(() => undefined)));
    if (made.includes(undefined)) {
      toast("This image could not be read.");
    }
    if (images.length + made.length > MOST_IMAGES) {
      toast(`A question takes ${MOST_IMAGES} images. The others were left.`);
    }
    set((before) =>
      [...new Set([...before, ...made.filter((image) => image !== undefined)])].slice(0, MOST_IMAGES),
    );
  }

  return { images, add, set, remove: (image) => set((before) => before.filter((each) => each !== image)) };
}
