"""English."""

from __future__ import annotations

from datetime import date, time

from app.flow.languages.base import Language, Places, names, phrases, words
from app.flow.languages.calendar import Calendar, DatePattern, TimePattern
from app.flow.languages.numbers import NumberWords, combined, counted
from app.flow.languages.speech import Speech

_UNITS = counted("one two three four five six seven eight nine", 1)
_TENS = counted("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10)
_TEENS = counted("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 10)
_UNIT_ORDINALS = counted("first second third fourth fifth sixth seventh eighth ninth", 1)
_TEEN_ORDINALS = counted(
    "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth", 10
)

NUMBERS = NumberWords(
    small=[
        ("zero", 0),
        *_UNITS,
        *_TEENS,
        *_TENS,
        *combined(_TENS, _UNITS, " "),
        ("nought", 0),
        ("fourty", 40),
        ("a couple of", 2),
    ],
    hundreds=[
        *((f"{word} hundred", 100 * value) for word, value in [*_UNITS, *_TEENS]),
        *((f"{value} hundred", 100 * value) for value in range(1, 100) if value % 10),
        *((f"{word} hundred", 100 * value) for word, value in combined(_TENS, _UNITS, " ")),
        ("a hundred", 100),
    ],
    thousand={"million": 1_000_000, "thousand": 1000},
    ordinals=[
        *_UNIT_ORDINALS,
        *_TEEN_ORDINALS,
        ("twentieth", 20),
        *combined([("twenty", 20)], _UNIT_ORDINALS, " "),
        ("thirtieth", 30),
        ("thirty first", 31),
    ],
    joiners=frozenset({"and"}),
    repeats={"double": 2, "triple": 3, "treble": 3},
    homophones={
        "for": "4",
        "fore": "4",
        "to": "2",
        "too": "2",
        "won": "1",
        "ate": "8",
        "tree": "3",
        "o": "0",
        "oh": "0",
    },
    zeros=frozenset({"o", "oh", "nought", "nil"}),
    plus=frozenset({"plus"}),
    minus=frozenset({"minus", "negative"}),
    point=frozenset({"point"}),
    separators=words("dash hyphen space then and um uh er slash dot stop comma"),
    amounts=[
        ("a dozen", 12),
        ("a couple", 2),
        ("half a dozen", 6),
        ("none", 0),
        ("a pair", 2),
        ("a single", 1),
        ("just me", 1),
        ("only me", 1),
        ("just myself", 1),
    ],
)

_NAMED_DAYS = [
    ("(?:the )?day after tomorrow", 2),
    ("(?:the )?day before yesterday", -2),
    ("(?:tomorrow week|(?:a|1) week (?:from )?tomorrow)", 8),
    ("tomorrow(?: (?:morning|afternoon|evening|night))?", 1),
    ("(?:today|tonight|this (?:morning|afternoon|evening)|right away|straight away)", 0),
    ("yesterday", -1),
    ("(?:(?:a|1) week (?:from )?(?:today|now)|today week|in a week)", 7),
    ("(?:a|1) fortnight (?:from )?(?:today|now)|in a fortnight", 14),
]

CALENDAR = Calendar(
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=names("January February March April May June July August September October November December"),
    units=("days?", "weeks?", "months?", "years?"),
    dates=[
        *(DatePattern(pattern, days) for pattern, days in _NAMED_DAYS),
        DatePattern("in {n} {unit}(?: time)?"),
        DatePattern("{n} {unit} (?:from (?:now|today)|later|time)"),
        DatePattern("in (?:a|an) {unit}(?: time)?"),
        DatePattern("{n} weeks? (?:from |on |after )(?:this |next )?{weekday}"),
        DatePattern("(?:1th thing )?(?:on )?{weekday}(?: morning| afternoon| evening)?"),
        DatePattern("1th thing tomorrow(?: morning)?", 1),
        DatePattern("{n} {unit} ago", ago=True),
        DatePattern("(?:a|1) {unit} ago", ago=True),
        DatePattern("(?:a|1) week (?:from |on |after )?(?:this |next )?{weekday}", week="after"),
        DatePattern("{weekday} week", week="after"),
        DatePattern("(?:the )?{weekday} after next", week="after"),
        DatePattern("{weekday} (?:of )?next week", week="next"),
        DatePattern("next week (?:on )?{weekday}", week="next"),
        DatePattern("(?:on )?next {weekday}", week="next"),
        DatePattern("(?:on )?this {weekday}", week="this"),
        DatePattern("last {weekday}", week="last"),
        DatePattern("(?:on )?(?:(?:this )?coming |the )?{weekday}(?: coming| this week)?"),
        DatePattern(
            "(?:{weekday} )?(?:on )?(?:the )?{day} (?:day )?(?:of )?{month}(?: (?:of )?(?:in "
            ")?(?:the year )?{year})?"
        ),
        DatePattern("(?:{weekday} )?{month} (?:the )?{day}(?: (?:of )?{year})?"),
        DatePattern("(?:{weekday} )?(?:on )?(?:the )?{dayth}(?: of (?:this|the) month)?"),
        DatePattern("(?:the )?{dayth} of (?:the )?(?P<month_number>\\d{1,2})th(?: {year})?"),
        DatePattern("(?:on )?(?:the )?{dayth} (?:of )?(?P<following>next month)"),
        DatePattern("(?:on )?the {day}"),
    ],
    times=[
        TimePattern("(?:at )?half past {hour}", 30),
        TimePattern("(?:at )?half {hour}", 30),
        TimePattern("(?:at )?(?:a )?quarter (?:past|after) {hour}", 15),
        TimePattern("(?:at )?(?:a )?quarter (?:to|of|before|till|2) {hour}", -15),
        TimePattern("(?:at )?{past} minutes? (?:past|after) {hour}"),
        TimePattern("(?:at )?{to} minutes? (?:to|before|till) {hour}"),
        # "nine to five" are two times of day
        TimePattern("(?:at )?(?P<past>5|10|20|25) (?:past|after) {hour}"),
        TimePattern("(?<!from )(?:at )?(?P<to>5|10|20|25) (?:to|before|till) {hour}"),
        TimePattern("(?:at )?{hour}[ :.]{minute}(?: oclock)?"),
        TimePattern(r"(?:at )?(?P<hour>\d\d?)(?P<minute>[0-5]\d)(?: hours)?"),
        TimePattern("(?:at )?(?P<hour>[012] \\d) (?P<minute>[0-5] \\d)"),
        TimePattern("(?:at )?{hour} (?:oclock|sharp|on the dot)"),
        TimePattern("(?:at )?{hour} hundred(?: hours)?"),
        TimePattern("at {hour}"),
        TimePattern("(?:at )?(?:12 )?(?:noon|midday)", fixed=time(12)),
        TimePattern("(?:at )?(?:12 )?midnight", fixed=time(0)),
        TimePattern("{hour}", weak=True),
    ],
    morning="am|in the morning|this morning|tomorrow morning",
    afternoon="pm|in the afternoon|in the evening|this afternoon|this evening|tonight|at night",
    open_endings=words(
        "the of on at in next this past to half quarter for from a an and or after before until "
        "coming last minutes"
    ),
    short_names={
        "mon": "Monday",
        "tue": "Tuesday",
        "tues": "Tuesday",
        "wed": "Wednesday",
        "thu": "Thursday",
        "thurs": "Thursday",
        "fri": "Friday",
        "jan": "January",
        "feb": "February",
        "apr": "April",
        "aug": "August",
        "sept": "September",
        "sep": "September",
        "oct": "October",
        "nov": "November",
        "dec": "December",
    },
)


def _date(value: date, with_year: bool) -> str:
    ordinal = next(word for word, number in NUMBERS.ordinals if number == value.day)
    month = CALENDAR.months[value.month - 1]
    text = f"{CALENDAR.weekdays[value.isoweekday() - 1]}, {month} {ordinal.replace(' ', '-')}"
    return f"{text}, {_year(value.year)}" if with_year else text


def _year(year: int) -> str:
    century, rest = divmod(year, 100)
    if year % 1000 < 10 or not 1100 <= year < 2100:
        return NUMBERS.spell(year)
    ending = "hundred" if not rest else NUMBERS.spell(rest) if rest > 9 else f"oh {NUMBERS.spell(rest)}"
    return f"{NUMBERS.spell(century)} {ending}"


def _time(hour: int, minute: int) -> str:
    if minute == 0 and hour in (0, 12):
        return "noon" if hour else "midnight"
    spoken = NUMBERS.spell((hour - 1) % 12 + 1)
    past = f"{'oh ' if minute < 10 else ''}{NUMBERS.spell(minute)}" if minute else "o'clock"
    text = f"{spoken} {past}"
    if 7 <= hour < 19:
        return text
    return f"{text} in the {'morning' if hour < 12 else 'evening'}"


SPEECH = Speech(
    conjunction="and",
    yes="yes",
    no="no",
    decimal_point="point",
    minus="minus",
    date=_date,
    time=_time,
    currencies={
        "USD": ("dollar", "dollars", "cent", "cents"),
        "EUR": ("euro", "euros", "cent", "cents"),
        "GBP": ("pound", "pounds", "penny", "pence"),
    },
    money_joiner="and",
)

ENGLISH = Language(
    code="en",
    yes=phrases(
        "yes, yea, ya, yeah, yep, yup, yes yes, yeah yeah, sure, of course, ok, okay, right, correct",
        "exactly, absolutely, certainly, definitely, affirmative, please, please do, yes please do",
        "yes i do, i do, yes it is, it is, thats right, thats correct, that is right, that is correct",
        "thats it, thats fine, that is fine, fine, sounds good, that sounds good, sounds great, go ahead",
        "yes go ahead, do it, no problem, not a problem, no worries, sure thing, for sure, totally",
        "perfect, great, good, all right, alright, mm hm, mm hmm, mmhmm, mhm, uh huh",
        "yes thats right, yes thats correct, why not, yes that is correct, yes i would, i would, yes i am",
        "i am, i guess so, i suppose so, id love to, thatd be great, that would be great",
        "thatd be lovely, that would be lovely, i would love to, id like that, yes we do",
        "sounds perfect, sounds lovely, sounds right, id love that, that would do, thatll do, thatll do nicely",
        "thats perfect, thats great, thats lovely",
        "that works, works for me, that works for me, thats good, i think so, indeed",
        "yes thats fine, yes that works, you bet, that one, book it, yes book it, yeah sure",
        "yeah thats fine",
    ),
    no=phrases(
        "no, know, nope, nah, no no, no thanks, no thank you, not really, negative, no way, never",
        "no i dont, i dont, thats wrong, that is wrong, wrong, incorrect, thats not right",
        "that is not right, not correct, thats not correct, that is not correct, its not, it isnt",
        "no its not, no it isnt, no thats wrong, no thats not right, absolutely not, of course not",
        "certainly not, definitely not, not at all, uh uh, dont, do not, please dont, no dont, not now",
        "not today, not at the moment, not right now, not just now, im all set, all set, mm mm",
        "nuh uh, id rather not, i would rather not, i dont think so, no thats all, thats all",
        "that is all, nothing else, nothing more, nothing, no nothing, no nothing else, thats everything, im good",
        "no im good, im fine, no im fine, no i am not, im not, i am not, not yet, that will be all",
        "forget it, leave it, bye, goodbye, bye bye, id rather not after all",
        "no thats it, no thats everything, no that will be all, not quite, no not really, all done, im done",
    ),
    firm=words("yes yeah yea yep yup no nope nah"),
    more=phrases(
        "one more thing, another thing, something else, another question, one more question, there is one more thing",
        "theres one more thing, there is something else, theres something else, there is, i have another question",
    ),
    unsure=phrases(
        "i dont know, dont know, not sure, im not sure, i am not sure, maybe, perhaps, no idea",
        "i have no idea, i dont remember, i cant remember, i forgot, im not certain, i dont mind",
        "it depends, yes and no, yes or no",
    ),
    greetings=phrases(
        "hello, hi, hey, hello there, hi there, good morning, good afternoon, good evening, good day, morning",
        "how are you, how are you doing, how do you do, are you there, is anybody there, is anyone there",
    ),
    courtesies=phrases(
        "please, please sir, please maam, thanks, thank you, thank you very much, thanks a lot"
    ),
    hold=phrases(
        "hold on, hold on a second, hold on a moment, hold on a minute, hang on, hang on a second",
        "one moment, just a moment, a moment, one second, just a second, a second, one sec, just a sec",
        "one minute, just a minute, a minute, wait, wait a minute, wait a second, wait a moment",
        "give me a second, give me a moment, give me a minute, let me see, let me check, let me think",
        "let me look, bear with me",
    ),
    hedges=words("but except unless"),
    key_words=words("press option number key choose digit"),
    openings=phrases(
        "um, uh, er, erm, hmm, mm, ah, oh, well, so, okay, ok, right, alright, yes, yeah, yep, hi, hello",
        "hey, please, good morning, good afternoon, good evening, hi there, hello there, thanks, thank you",
        "sorry, actually, excuse me, i, id, ill, i am, im, i would, i will, i want, i need, i was, wanna",
        "gonna, like, just, maybe, id like to, i would like to, i want to, i wanted to, i need to",
        "i have to, i wish to, i want a, i need a, id like, i would like, id love to, i would love to",
        "i am calling to, im calling to, i called to, im calling about, i am calling about, calling about",
        "im trying to, i am trying to, im looking to, can i, could i, may i, can you, could you, would you",
        "can we, could we, let me, lets, let us, help me, i was wondering if i could, i was hoping to",
        "is it possible to, would it be possible to, do you think i can, you know, i mean, i guess, i think",
        "it is, its, that is, thats, that would be, that will be, make it, ill take, i will take, ill have",
        "i will have, ill go for, i will go for, ill go with, i will go with, i prefer, id prefer",
        "take, give me, id say, how about, what about, lets say, lets do, shall we say, say",
        "is it okay to, to, the, a, an, i was born, i was born on, born on, id rather have, id rather",
        "can we do, could we do, can you do, could you do, can we make it, could we make it, i meant, i said, it was",
    ),
    closings=phrases(
        "one, ones",
        "please, thanks, thank you, thank you very much, thanks a lot, cheers, now, right now, if possible",
        "if thats possible, if you can, if i can, if i may, okay, ok, today please, then, for me, actually",
        "sir, if thats okay, if thats ok, if you dont mind, i think, i guess, you know, um, uh, er, maam",
        "mate, would be great, would be good, would be fine, would be best, is fine, works, works for me",
        "sounds good, would be perfect, is good, is best, is perfect, will do, works best, if you have it",
        "will be fine, would be better, is better, better, would suit me, suits me, suits me best, would be nice",
        "would be lovely, if you could, if thats alright, if thats all right, instead, after all, yet",
        "works better, for today, for now",
        "works best for me, is fine by me, is fine with me",
    ),
    negations=words("not dont doesnt didnt isnt arent wasnt wont cant cannot never without neither nor"),
    function_words=words(
        "a an the i im id ill ive me my mine you your we us our he she it its they them this that "
        "these those "
        "is are am was were be been do does did have has had will would can could should may might "
        "must to of "
        "in on at by for with from about as into and or but if so then than there here what which who how "
        "around roughly ish when where please thanks thank just like want need get got um uh er oh "
        "ah well okay ok yes yeah hi "
        "hello hey some any whats wheres hows whos"
    ),
    backchannels=phrases(
        "uh huh, mm hm, mhm, mm, hmm, ok, okay, right, yeah, yes, sure, i see, ah, oh, aha, got it",
    ),
    corrections=words("no sorry mean actually correction rather wait make"),
    frames=words(
        "put down book reserve schedule pick choose go going have take free available open good great better best "
        "perfect ideal fine suit suits convenient possible possibly probably think guess believe try see morning "
        "afternoon evening early earlier late later day date week month year next coming prefer preferably easiest "
        "sounds lovely works work out can could do make able manage either say said definitely exactly would be "
        "it me we us for on at my is im i youve got reach call ring number figures digits reads says"
    ),
    hesitations=words("uh um umm uhm er erm hm hmm eh ehm"),
    hesitations_and_words=words("er"),
    exclusions=r"(?:any|every)\w* (?:\w+ )?but|not|never|except(?: for)?|apart from|other than|besides|"
    r"instead of|rather than|in place of|nothing(?: on| at)?|(?:cant|cannot|couldnt|wont|dont|never) "
    r"(?:do|make|manage|come|want|have|like)(?: it)?(?: on| at)?",
    exclusions_after="(?:is|are|was|would be|will be)? ?"
    "(?:not|isnt|arent|wasnt|wont|doesnt|dont|didnt|cant|cannot|no (?:good|use)|out)",
    changes=words("change different another other move switch wrong instead else"),
    questions=words("what which when who how why"),
    alternatives=words("or to and till until through"),
    half="and (?:a|1) half",
    decimal_mark=".",
    places=Places(
        nth=("first|earli(?:er|est)|early one|soonest", "second", "third", "fourth", "fifth"),
        middle="middle",
        last="last|latest|later",
        morning="morning",
        afternoon="afternoon|after lunch|after noon",
    ),
    kinds={"date": words("day date"), "time": words("time hour"), "phone": words("number phone")},
    this_number=(
        r"\bthis (?:(?:phone|same|mobile|cell) )?(?:numbers?|1|ones?)\b",
        r"\b(?:im|i am) (?:(?:calling|phoning|ringing) (?:you )?(?:from|on|with)|using|on)\b",
        r"\b(?:the )?same (?:phone )?(?:number|1|one)\b",
        r"\bnumber (?:that )?you (?:can )?see\b",
    ),
    letters=(
        ("ph", "f"),
        ("[kg]n(?=[aeiou])|(?<=[aeiou])gh", "n"),
        ("c(?=[eiy])|z", "s"),
        ("ck|[cq]", "k"),
        ("wh|wr", "w"),
        ("y", "i"),
    ),
    prompts={
        "no_input": ("Sorry, I didn't hear you.", "I still can't hear you."),
        "no_match": ("Sorry, I didn't catch that.", "I'm sorry, I still didn't understand."),
        "acknowledgement": ("One moment.", "Let me see."),
        "waiting": ("One moment, please.",),
        "model_failed": ("I'm sorry, I can't answer that right now.",),
        "shall_i": ("Shall I do that now?",),
        "who_calls": ("A call from {{ caller.number | digits }}.",),
        "rejected": ("Sorry, that won't work.",),
        "did_you_say": ("Did you say {}?",),
        "give_up": ("I'm sorry, this isn't working. Please call again later. Goodbye.",),
    },
    numbers=NUMBERS,
    calendar=CALENDAR,
    speech=SPEECH,
)
