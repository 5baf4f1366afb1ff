"""The electronic health book: one citizen, one book, opened by consent.

    app.py          composition root: settings → store → custodian → auth + schema + routes
    cli/            the `ehb` command: demo, serve, synth, submit, login, ask, registry, people, keys, migrate, schema
    demo/           everything on one machine: mongod, a stand-in eID provider, the API, invented people
    settings.py     one frozen Settings; only the composition roots read it
    errors.py       EhbError and its family, each with a stable code
    custodian.py    the one door to personal data: authorise → audit → act
    routes.py       plain HTTP: probes, metrics, visit files, receipts
    problems.py     saying no over HTTP (RFC 9457), in Vietnamese and English
    bodies.py       request bodies, read no further than they may be long
    server.py       uvicorn with an end to what it puts up with; the options of every command that serves
    traces.py       spans, with an allow-list of what they may say
    collector.py    where spans go (OpenTelemetry, OTLP over HTTP)
    metrics.py      request counts and times for Prometheus
    client/         a facility's client, for `ehb submit` and for facilities' own software
    phone.py        a stand-in for the citizen's app, for tours and tests
    formats/        one wire standard each: bytes → domain values, no rule
    domain/         pure: no IO, no clock, no framework
    services/       the stories: one async function for each thing a person can do
    store/          the only room that knows MongoDB
    synthetic/      invented people and their visit files, reproducible from a seed
    ../auth/            who is calling, never what they may see
    ../graphql_schema/  GraphQL words ↔ domain words

A visit comes in:                                   A book goes out:
    POST /facility/submissions                          POST /graphql { myHealthBook }
    auth.backend: whose token is it                     auth.backend: whose token is it
    formats.visit_xml.read: bytes → VisitSummary        graphql_schema.book_roots: which sections are selected
    services.submission.submit: all problems at once    services.book.read → custodian.read → access.decide
    custodian.submit → access.decide → audit            audit event ∥ one range scan, released when BOTH are done
    store: episode, records, receipt, event, one        domain.book.assemble → GraphQL types
    transaction
"""

__version__ = "0.1.0"
