"""Tests of `auth`: who is calling."""
