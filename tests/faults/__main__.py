"""The fault campaign's command, apart from the campaign: every worker would run the body of a main module again, which
takes a second for all of its imports. Of one with this name it does not."""

from __future__ import annotations

import sys

from tests.faults.campaign import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
