"""A carrier and a caller, faithful to the protocol, for servers that speak Media Streams.

    wire       the messages, both ways            playout   what the carrier still has to play
    line       noise, echo and level              faults    delay, loss, reordering, stalls
    twiml      a call's way through TwiML         webhook   form posts and their signatures
    stream     one media stream (sans I/O)        caller    who speaks when, and what came of it
    carriage   how messages travel: sockets, or in memory into an ASGI application
    call       a whole call on all of this; `command` is `callrelay call`

Everything above `carriage` is free of sockets and timers: it is told the time and returns what to send.
"""
