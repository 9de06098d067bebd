"""Write what is made of the sources: API.md and public-names.txt of each distribution."""

import sys

from tests.distributions import snapshots
from tests.distributions.doors import PACKAGES, folder_of
from tests.distributions.references import reference


def main() -> None:
    """Write the files of all, and end with 1 where the changelog has still to be written."""
    unsaid: list[str] = []
    for distribution in PACKAGES:
        (folder_of(distribution) / "API.md").write_text(reference(distribution), "utf-8")
        try:
            snapshots.write(distribution)
        except snapshots.Unsaid as error:
            unsaid.append(str(error))
    if unsaid:
        sys.exit("\n\n".join(unsaid))


if __name__ == "__main__":
    main()
