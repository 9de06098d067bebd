import { Icon } from "@/components/icons";
import { imageAddress } from "./images";

/** The images that go with the question. */
export function AttachmentList({
  images,
  onRemove,
}: {
  images: readonly string[];
  onRemove: (image: string) => void;
}) {
  if (images.length === 0) {
    return null;
  }
  return (
    <ul aria-label="Attached images" className="flex flex-wrap gap-2 p-3 pb-0">
      {images.map((image, index) => (
        <li key={image} className="relative">
          <img
            src={imageAddress(image)}
            alt={`Attached, ${index + 1}`}
            className="h-20 max-w-40 rounded-sm object-cover"
          />
          <button
            type="button"
            aria-label={`Remove image ${index + 1}`}
            className="absolute top-1 right-1 grid size-7 place-items-center rounded-full bg-raised shadow"
            onClick={() => onRemove(image)}
          >
            <Icon name="close" size={15} />
          </button>
        </li>
      ))}
    </ul>
  );
}
