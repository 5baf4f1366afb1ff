"""Measurements of speed and size: printed, recorded in README.md, never a test of anybody's machine.

`python -m bench` runs them. Each measure is a file; it prints a ratio against its floor, the least work that any
implementation must do, timed in turns in the same run, so that a slow or busy machine moves both.

    machine            what the figures were measured on
    rounds             taking turns, medians
    visit              what is read and sent: invented visits, one of exactly 40 rows
    world              a database with books, a facility, permits
    api                settings, a signed-in person and a question, for the measures that go through HTTP
    serving            `ehb serve` as a process of its own; profiled is the same, looked at, by layers
    asking, sides      a process that asks over HTTP, and those who answer it, in turns
    book_sides, plain, stock, peer   who answers: ours, a bare route, stock strawberry, any other server
    report             the table at the end
    read, intake, submit, memory, decide, consent, token, book, workers   the measures of every run
    folder, demo, faults   those that are run by name; faults counts with faults_count

Outside the house: nothing in `ehb` knows this folder, and this folder may open every room.
"""
