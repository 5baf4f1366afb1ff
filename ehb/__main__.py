"""`python -m ehb` is the `ehb` command."""

from ehb.cli import main

raise SystemExit(main())
