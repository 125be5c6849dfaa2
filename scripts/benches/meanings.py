"""What the figures of each bench mean: kept beside them in bench/, for who was not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_EAR: Final = (
    "milliseconds from the true acoustic end of the caller's speech to the first audible sound of the answer"
)
_INTERVAL: Final = "95 % of it: the bootstrap interval of the median"

MEANINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "recognition": {
        "WER": "share of the transcript's words that were left out, put in or mistaken, after normalising both",
        "worst": "the recordings with the most errors, as they were said and as they were heard",
    },
    "ablation": {
        "off, on": f"without the feature and with it, the rest as shipped; {_EAR}",
        "ratio": "what is left of the time with it; 1 is what it was without",
        "sooner p50": "the median of how much sooner each turn is answered with it; 0 where most turns do not need it",
        "prediction cache": "speech made ahead and kept, against speech that is made each time",
        "answer cache": "answers given again: the callers ask 100 questions, a few of them often (Zipf's law)",
        "hedging": "a second model is asked when the first takes longer than nine in ten do: the p99 can gain by it",
        "any sound": 'the same to the first sound, be it "One moment.": no answer is told sooner for it',
        "replies asked for": "of language models, those for words that were not all in the end among them",
    },
    "turns": {
        "by ear from true t0": f"{_EAR}; {_INTERVAL}",
        "answer, by the server": "the same as the server knows it, from the end of the last voiced window",
        "endpoint, stt_final, decide, speech_first_byte, first_frame_out": "how long each stage of a turn lasted",
        "wait": "a wait that is the relay's own and was measured: voice batch, event loop, hand-over, pacing",
        "overhead": "all those waits of a turn together",
    },
    "answers": {
        "answer, ms from true t0": f"{_EAR}; {_INTERVAL}",
        "premature": "turns taken back: the caller went on within half a second of their end, and all was undone",
        "early": "turns that were answered twice, before the caller's end, or not for good, however right it was",
        "complete by the grammar": "turns whose words were all that the question asks for",
        "with a pause": "half of the turns: 300 to 900 ms of silence between two of their words",
    },
    "endpointing": {
        "patience": "what every silence that ends a turn is multiplied by; 1 is what the server does",
        "premature": "turns that would have been ended too early at that patience",
        "p50, p95": "from the true end of speech to the decision that the turn is over",
    },
    "interruptions": {
        "onset to clear": "from the true onset of what the caller says to the order to fall silent, at the carrier",
        "decision to clear": "from the server's decision to yield to that order",
        "not meant": "coughs, knocks, echo and words of listening: the agent should go on",
        "tries": "into the agent's speech; where it was silent at the onset there was nothing to interrupt",
        "heard within one word": "what the server takes to have been heard, against what was really played",
    },
    "understanding": {
        "right, asked back, not understood, asked back wrongly, false": "what became of each phrasing at its question; "
        "false is an action that nobody asked for",
        "rung": "which means of understanding it was that decided",
    },
    "flow-tests": {
        "steps": "inputs to the flow engine, each with all that follows from it, expectations and predictions included",
        "steps/s": "by seconds of the processor, reading the files not counted; at first, and in all rounds after that",
    },
    "prediction": {
        "ready": "turns whose answer's first sentence was speech before it was needed; turns of a model left out",
        "precision": "texts made ahead that were used, of all that were made ahead",
        "waste": "seconds of speech, and characters, made ahead and never used",
        "first, then": "the first calls of a server that knows nobody yet, and those after them",
    },
    "redis-down": {
        "key to answer audio": "milliseconds from the caller's key to the first audible sound, at the caller's ear",
        "none, killed, hung": "what happens to Redis when half of the calls are over; only turns after that count",
    },
    "replies": {
        "answer audio": f"{_EAR}, a sign like 'One moment.' not counted",
        "any": "the same to any sound, signs counted",
        "asked": "how many replies the model was asked for; more than turns where replies were begun in vain",
        "last word decides": "nobody can know what is meant before the last word is recognised",
        "settled": "what is meant is clear 300 ms before the end of speech",
    },
    "failover": {
        "signal": "from the fault until it can be observed: for a stall, the patience with it",
        "switch": "from the first observable sign of the fault to the decision to ask the next service",
        "asked": "from the sign to the request's arrival there, SDK and loopback included",
        "standby": "the next service's own delay: from the request's arrival there to its first word or sound",
        "gap": "from the sign to the next service's first word or sound, its own delay included",
        "words, final": "from the sign to the caller's next words; from the question for all of them to the answer",
        "lost, said twice": "words that the caller never heard, or heard again",
        "switch below 0": "before the caller spoke: what follows is the next service's own first words",
        "extra": "requests that hedging made beyond one a reply",
    },
    "streams": {
        "lag": "how late a timer of 5 ms ran while so many streams of one provider went on",
        "cores": "of the whole process, SDKs' threads with it; with as many as there are, timers wait for one",
        "of the loop": "the share of a core that the event loop's own thread took; near 1, it had too much to do",
        "threads": "most threads of the process at once",
        "KiB a stream": "how much memory grows with each stream that is over",
    },
    "load": {
        "answer by ear": _EAR,
        "overhead a turn": "measured waits that are the relay's own: voice batch, event loop, hand-over, pacing",
        "us_per_frame": "the server's CPU time, for everything, by frames of 20 ms that callers sent",
        "client_cpu_share, client_lag_p95_ms": "how busy the callers' own process was, and how late its timers ran",
        "growth": "how much the server's memory grows with each call that is over (Theil–Sen, 95 % interval)",
        "held_before, held_after": "threads, descriptors and tasks of the idle server before and after",
    },
    "capacity": {
        "relay, bare": "callrelay with scripted speech, and a plain echo on uvicorn as it comes: the same frames "
        "through the same voice detector, each utterance said back; each pinned to one core, the callers on another; "
        "a number of calls each in turn",
        "bare_short_way": "the same echo on callrelay's own WebSocket, which reads frames faster than uvicorn's",
        "calls": "held at once for the time given, each a conversation without pause; measured when all are there",
        "µs a frame": "the server's CPU time, for everything, by frames of 20 ms that callers sent",
        "loop µs": "of it, the event loop's thread, with the windows of voice that are judged there; the rest is the "
        "voice detector's thread",
        "ms_to_come_and_go": "the server's CPU time for a call beside its frames: all of it from the first call to the "
        "last one's end, less so many µs for each frame; of use where there are many calls",
        "MB a call": "memory above that of the idle server after its first calls, by calls",
        "answer": _EAR,
        "× one": "the 95th percentile by that of one call alone",
        "gaps": "silences of 60 ms or more in the midst of the agent's speech, in the whole run",
        "overhead": "measured waits of the relay's own in a turn: voice batch, event loop, hand-over, pacing",
        "lag": "how late the server's event loop ran, 95th percentile",
        "callers": "the share of their core that the simulated callers used; what is near 1 measures itself",
        "held": "no gap, every turn answered, no fault, and the answer's 95th percentile at most 1.2 times one call's",
        "most": "the largest number of calls that held, found by steps; the median where there are several runs",
        "% of what the echo holds": "the median of all runs' own",
    },
    "workers": {
        "CPU s": "CPU time of all processes of the server, from the first of so many calls to the last's end",
        "whole µs a frame": "the same by frames of 20 ms that callers sent; calls that come in and end are in it",
        "µs a frame": "CPU time while all calls are there, by the frames of then",
        "ratio": "two workers' CPU time a frame by one worker's, in each pair of runs, and the median of them",
    },
    "profile": {
        "µs a frame": "the server's CPU time by frames of 20 ms that callers sent, all of it and by part",
        "threads wait": "how often one of the server's threads waited, for work or another thread, and was woken",
        "function": "the innermost function of each sample (py-spy, from outside) and its share of that time",
    },
    "soak": {
        "ended": "how the calls ended, those that a fault ended among them",
        "faults": "what went wrong on the carrier's side, of the calls with a fault; services fail besides",
        "events": "what the calls' records hold: that all of the product took part",
        "before, after": "what the relay held after the calls that warm it up, and after all: it should be the same",
        "objects": "kinds of objects of callrelay's own of which there are more than before",
        "growth": "of memory with each call that is over (Theil–Sen, 95 % interval), the callers' own included",
    },
    "real_soak": {
        "ended": "how the calls ended, those that a fault ended among them",
        "faults": "what went wrong on the carrier's side, of the calls with a fault",
        "events": "what the calls' records hold: that all of the product took part",
        "held": "the server's threads, descriptors and tasks, before the calls and afterwards",
        "growth": "of the server's memory with each call that is over (Theil–Sen, 95 % interval)",
    },
}
