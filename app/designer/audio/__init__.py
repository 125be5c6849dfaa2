"""`callrelay flow test --audio`: the tests of flows, spoken and heard.

A simulated caller speaks a test's steps with the embedded voice, over a simulated line, into a whole relay in memory;
what it understood and did is held against the same expectations. Time is virtual and stands still while a voice or the
recogniser works, so a slow or busy machine changes nothing but the wait.
"""
