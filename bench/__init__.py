"""Measurements of speed and size: printed, recorded in README.md, never a test of anybody's machine.

`python -m bench` runs them. Each measure is a file; it prints a ratio against its floor, the least work that any
implementation must do, timed interleaved in the same run, so that a slow or a busy machine moves both.

    machine   what the figures were measured on
    rounds    interleaved timing and medians
    world     a database, people and facilities, opened as the app opens them
    visit     one invented visit of 40 rows
    read, intake, memory, demo   the measures

Outside the house: nothing in `ehb` knows this folder, and this folder may open every room.
"""
