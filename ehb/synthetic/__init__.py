"""Believable Vietnamese lives that nobody lives: the people, facilities and visit files of the demo and the tests.

`ehb synth` writes them; `ehb demo` submits them. The rooms, from a seed to a file:

    names, numbers, places   what people are called, which fake numbers they have, where care is given
    people                   who they are and which stories they live through
    families                 who speaks for the children
    lives                    the calendar of a life: one visit after the other
    signs, chart             the body on that day, and what happens inside a visit
    registration, bill       how the desk writes the person down, and who pays
    tables, papers, certificates   the rows of the national tables
    visit_file, writing      the national envelope, and a folder of files
    registry                 the facilities and clinicians as lists that a registry loads
    catalogue, data/         diseases, drugs, services and stories, as files that a clinician can read and mend

It knows the national format from its published tables only and shares no code with `ehb.formats`: what reads
the files is checked against a second understanding of the rules, not against itself.

Invariants: the same seed gives the same bytes; no number, card, licence or facility code can belong to anybody.
"""

from ehb.synthetic.families import families
from ehb.synthetic.people import TODAY, Card, Person, people
from ehb.synthetic.places import Clinician, Facility, clinicians, facilities
from ehb.synthetic.registry import facilities_csv, practitioners_csv
from ehb.synthetic.visit_file import VisitFile, visit_files
from ehb.synthetic.writing import write

__all__ = [
    "TODAY",
    "Card",
    "Clinician",
    "Facility",
    "Person",
    "VisitFile",
    "clinicians",
    "facilities",
    "facilities_csv",
    "families",
    "people",
    "practitioners_csv",
    "visit_files",
    "write",
]
