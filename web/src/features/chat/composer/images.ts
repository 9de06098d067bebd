/** Images that are attached to a question. */

// What models look at is smaller than this, and a body of the API has 2 MiB in all.
const LONGEST_SIDE = 1_536;
const MOST_CHARACTERS = 1_200_000;
const QUALITIES = [0.85, 0.7, 0.5, 0.3];

export const MOST_IMAGES = 4;

const SIGNATURES = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
] as const;

/** The address under which a page shows an image that the API has; of a kind that is none, nothing. */
export function imageAddress(base64: string): string | undefined {
  const kind = SIGNATURES.find(([start]) => base64.startsWith(start))?.[1];
  return kind && `data:${kind};base64,${base64}`;
}

/**
 * Returns a picture as the API takes it: small enough, and without what a camera writes about where it was taken.
 *
 * @throws Error the browser cannot read it, or it cannot be made small enough.
 */
export async function prepareImage(file: Blob): Promise<string> {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  if (!context) {
    throw new Error("no canvas");
  }
  // JPEG knows no transparency.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  for (const quality of QUALITIES) {
    const [, base64 = ""] = canvas.toDataURL("image/jpeg", quality).split(",");
    if (base64.length <= MOST_CHARACTERS / MOST_IMAGES) {
      return base64;
    }
  }
  throw new Error("too large");
}

/** The images among what was pasted or dropped. */
export function imagesOf(files: FileList | undefined): File[] {
  return Array.from(files ?? []).filter((file) => file.type.startsWith("image/"));
}
