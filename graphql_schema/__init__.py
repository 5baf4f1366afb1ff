"""GraphQL words ↔ domain words. No rule, no query, no decision.

`schema.py` puts the roots together; `http.py` speaks GraphQL over HTTP, `event_stream.py` (SSE) and `transport_ws.py`
(WebSocket) what goes on, and `running.py` is what those two share; `book.py`, `identity.py` and
`submission.py` hold one feature word each; `records.py`, `elements.py` and `connections.py` the types they
share; `ids.py` what the outside may know of a key. Domain values are resolved as they are: a GraphQL type here
names the attributes of the domain value it shows, so nothing is copied on the way out.
"""
