"""`callrelay doctor`: whether everything that calls need is there and works.

`services` asks every provider that is configured, end to end; `machine` looks at the rest, without any network.
"""
