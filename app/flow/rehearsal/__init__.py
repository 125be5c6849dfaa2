"""Rehearsing a flow: a call at text level, in virtual time, with services that answer as they are told.

`script` reads test files, `answers` are what services say, `call` plays a call, `checks` holds it against what was
expected, `run` runs whole tests, `coverage` says what no test took. Pure, as the engine is.
"""
