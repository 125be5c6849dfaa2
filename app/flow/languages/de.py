"""German."""

from __future__ import annotations

from datetime import date, time

from app.flow.languages.base import Language, Places, names, phrases, words
from app.flow.languages.calendar import Calendar, DatePattern, TimePattern
from app.flow.languages.numbers import NumberWords, counted, tokens
from app.flow.languages.speech import Speech

_UNITS = counted("ein zwei drei vier fünf sechs sieben acht neun", 1)
_TENS = counted("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig", 20, 10)
_TEENS = counted("zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn", 10)
_BELOW_HUNDRED = [
    ("null", 0),
    ("eins", 1),
    *_UNITS[1:],
    *_TEENS,
    *_TENS,
    *((f"{unit}und{ten}", value + more) for ten, value in _TENS for unit, more in _UNITS),
]
# as a recogniser may write them: "sieben und neunzig"
_APART = [(f"{unit} und {ten}", value + more) for ten, value in _TENS for unit, more in _UNITS]
_HUNDREDS = [(f"{word}hundert", 100 * value) for word, value in [*_UNITS, *_TEENS[1:]]]
_ORDINAL_STEMS = [
    *counted("erst zweit dritt viert fünft sechst siebt acht neunt", 1),
    *((f"{word}t", value) for word, value in _TEENS),
    *((f"{word}st", value) for word, value in _BELOW_HUNDRED if 20 <= value <= 31),
]

_HALVES = [("anderthalb", 1.5), *((f"{tokens(unit)[0]}einhalb", value + 0.5) for unit, value in _UNITS[1:])]
_TOGETHER = [(f"zu {word}", value) for word, value in counted("zweit dritt viert funft sechst", 2)]

NUMBERS = NumberWords(
    small=[
        *_BELOW_HUNDRED,
        *((word, 1) for word in ("ein", "eine", "einen", "einem", "einer")),
        ("zwo", 2),
        *_APART,
    ],
    hundreds=[
        *_HUNDREDS,
        *(
            (f"{hundred}{rest}", value + more)
            for hundred, value in _HUNDREDS
            for rest, more in _BELOW_HUNDRED
            if more
        ),
        *(
            (f"{hundred}und{rest}", value + more)
            for hundred, value in _HUNDREDS
            for rest, more in _BELOW_HUNDRED
            if more
        ),
        *((f"hundert{rest}", 100 + more) for rest, more in _BELOW_HUNDRED if more),
        ("hundert", 100),
    ],
    compound=True,
    thousand={
        "million": 1_000_000,
        "millionen": 1_000_000,
        "tausend": 1000,
    },
    ordinals=[
        (stem + ending, value) for stem, value in _ORDINAL_STEMS for ending in ("er", "e", "en", "es", "em")
    ],
    joiners=frozenset({"und"}),
    repeats={"doppel": 2, "zweimal": 2, "dreimal": 3},
    homophones={"o": "0", "zwo": "2"},
    plus=frozenset({"plus"}),
    minus=frozenset({"minus"}),
    point=frozenset({"komma", "punkt"}),
    separators=words("strich bindestrich dann und ah ahm punkt komma"),
    amounts=[
        ("ein dutzend", 12),
        ("ein paar", 2),
        ("keine", 0),
        ("keins", 0),
        *_HALVES,
        *_TOGETHER,
        ("nur ich", 1),
    ],
)

CALENDAR = Calendar(
    weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    months=names("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
    units=("tag(?:e|en)?", "wochen?", "monat(?:e|en)?", "jahr(?:e|en)?"),
    dates=[
        DatePattern("ubermorgen", 2),
        DatePattern("vorgestern", -2),
        DatePattern("(?<!tag )(?<!woch )(?<!am )morgen(?: (?:fruh|vormittag|nachmittag|mittag|abend))?", 1),
        DatePattern("heute(?: (?:vormittag|nachmittag|mittag|abend))?", 0),
        DatePattern("gestern", -1),
        DatePattern("(?:heute|morgen) in (?:8 tagen|1 woche)", 7),
        DatePattern("in {n} {unit}"),
        DatePattern("vor {n} {unit}", ago=True),
        DatePattern("(?:am )?{weekday} in {n} wochen?"),
        DatePattern("(?:am )?nachste[nrs]? {weekday}", week="next"),
        DatePattern("nachste woche (?:am )?{weekday}", week="next"),
        DatePattern("{weekday} nachste[rn]? woche", week="next"),
        DatePattern("letzte[nrs]? {weekday}", week="last"),
        DatePattern("(?:am |an diesem |diesen |kommende[nrs]? |am kommenden |der |den )?{weekday}"),
        DatePattern("(?:(?:am )?{weekday} )?(?:am |der |den |dem )?{day} {month}(?: {year})?"),
        DatePattern(r"(?:am |der |den |dem ){day} (?P<month_number>\d{1,2})(?:th)?(?: {year})?"),
        DatePattern("(?:(?:am )?{weekday} )?(?:am |der |den |dem )?{dayth}(?: dieses monats)?"),
        DatePattern("(?:am |der |den )?{dayth} (?P<following>(?:des )?nachsten monats)"),
        DatePattern("(?:am|der|den) {day}"),
    ],
    times=[
        TimePattern("(?:um )?halb {hour}", -30),
        TimePattern("(?:um )?viertel nach {hour}", 15),
        TimePattern("(?:um )?(?:viertel vor|dreiviertel) {hour}", -15),
        TimePattern("(?:um )?{past}(?: minuten)? nach {hour}"),
        TimePattern("(?:um )?{to}(?: minuten)? vor {hour}"),
        TimePattern("(?:um )?{hour} uhr {minute}"),
        TimePattern("(?:um )?{hour} uhr {past}"),
        TimePattern("(?:um )?{hour}[ :.]{minute}(?: uhr)?"),
        TimePattern("(?:um )?{hour} uhr"),
        TimePattern("(?:um )?{past}(?: minuten)? nach halb {hour}", -30),
        TimePattern("(?:um )?{to}(?: minuten)? vor halb {hour}", -30),
        TimePattern("(?:um )?viertel {hour}", -45),
        TimePattern("(?P<hour>[012] \\d) (?P<minute>[0-5] \\d)"),
        TimePattern("(?:um|gegen|punkt|ab) {hour}"),
        TimePattern("mittags?|12 uhr mittags", fixed=time(12)),
        TimePattern("mitternacht", fixed=time(0)),
        TimePattern("{hour}", weak=True),
    ],
    morning="morgens|fruh|vormittags?|am morgen|am vormittag|in der fruh",
    afternoon="nachmittags?|abends?|am nachmittag|am abend",
    open_endings=words(
        "der die das den dem am um im in nach vor halb viertel dreiviertel nachsten nachste und von bis"
    ),
    short_names={"sonnabend": "Samstag", "janner": "Januar", "feber": "Februar"},
)


def _date(value: date, with_year: bool) -> str:
    day = next(word for word, number in NUMBERS.ordinals if number == value.day and word.endswith("er"))
    text = f"{CALENDAR.weekdays[value.isoweekday() - 1]}, {day} {CALENDAR.months[value.month - 1]}"
    return f"{text} {_year(value.year)}" if with_year else text


def _year(year: int) -> str:
    if not 1100 <= year < 2000:
        return NUMBERS.spell(year)
    return next(word for word, number in NUMBERS.hundreds if number == year)


def _time(hour: int, minute: int) -> str:
    text = f"{'ein' if hour == 1 else NUMBERS.spell(hour)} Uhr"
    return f"{text} {NUMBERS.spell(minute)}" if minute else text


SPEECH = Speech(
    conjunction="und",
    yes="ja",
    no="nein",
    decimal_point="Komma",
    minus="minus",
    date=_date,
    time=_time,
    currencies={
        "USD": ("Dollar", "Dollar", "Cent", "Cent"),
        "EUR": ("Euro", "Euro", "Cent", "Cent"),
        "GBP": ("Pfund", "Pfund", "Penny", "Pence"),
    },
    money_joiner="und",
)

GERMAN = Language(
    code="de",
    yes=phrases(
        "ja, ja ja, jawohl, genau, ja genau, richtig, ja richtig, stimmt, das stimmt, korrekt, klar",
        "na klar, sicher, gerne, ja gerne, ja bitte, bitte, in ordnung, ok, okay, passt, das passt, gut",
        "kein problem, warum nicht, das ware super, das ware toll, das ware schon, alles klar",
        "naturlich, einverstanden, jo",
    ),
    no=phrases(
        "nein, nee, ne, nein nein, nein danke, falsch, das ist falsch, stimmt nicht, das stimmt nicht",
        "nicht richtig, auf keinen fall, niemals, nein das wars, das wars, das ist alles",
        "nein das ist alles, nichts, nichts mehr, nein nichts mehr, lieber nicht, jetzt nicht, noch nicht",
        "eher nicht, im moment nicht, gerade nicht, nein das war alles, das war alles",
    ),
    firm=words("ja nein nee"),
    more=phrases("noch etwas, noch was, noch eine frage, eine frage noch, etwas anderes"),
    unsure=phrases(
        "weiss nicht, ich weiss nicht, ich weiss es nicht, keine ahnung, ist mir egal, mir egal",
        "vielleicht, kommt darauf an",
    ),
    greetings=phrases(
        "hallo, guten tag, guten morgen, guten abend, gruss gott, servus, moin, wie geht es ihnen, ist da jemand",
    ),
    courtesies=phrases("bitte, danke, danke schon, vielen dank, bitte schon"),
    hold=phrases(
        "einen moment, moment, moment bitte, augenblick, einen augenblick, eine sekunde, sekunde",
        "warten sie, warte, warten sie bitte, mal sehen, lassen sie mich sehen",
    ),
    hedges=words("aber ausser"),
    key_words=words("drucke option nummer taste wahle"),
    openings=phrases(
        "ah, ahm, oh, hm, also, ja, hallo, guten tag, guten morgen, guten abend, gruss gott, servus, bitte",
        "danke, na, ich mochte, ich mochte gerne, ich wurde gerne, ich hatte gerne, ich will, ich wollte",
        "ich brauche, ich muss, kann ich, konnte ich, konnen sie, konnten sie, ich rufe an wegen",
        "es geht um, darf ich, dann, vielleicht, das ist, es ist, das ware, sagen wir, lieber",
        "ich nehme, ich hatte gern, am, der, die",
        "das, den, ein, eine, einen",
    ),
    closings=phrases(
        "bitte, danke, vielen dank, danke schon, wenn moglich, wenn es geht, jetzt, gerne, bitte schon",
    ),
    negations=words("nicht kein keine keinen keinem nie niemals ohne weder"),
    function_words=words(
        "der die das den dem des ein eine einen einem einer ich du er sie es wir ihr mich mir mein meine "
        "meinen und oder aber zu zum zur in im am an auf mit fur von bei bis ist sind bin war habe hat haben "
        "mochte will wurde gerne kann konnte muss bitte danke hallo ja also wenn dass"
    ),
    backchannels=phrases(
        "mm, mhm, hm, ja, aha, ok, okay, genau, ach so, gut",
    ),
    corrections=words("nein entschuldigung sorry quatsch moment vielmehr doch"),
    frames=words(
        "nehmen nehme nehmt wahle buchen buche reservieren frei passt passen passe ginge geht gut besser besten "
        "perfekt ideal fruh spat morgens vormittags nachmittags abends uhr tag datum woche monat jahr nachste "
        "nachsten moglich ware glaube denke mir fur am um im den der die das es ist ich bin nummer ziffern lautet"
    ),
    hesitations=words("ah ahm ehm hm hmm aeh aehm"),
    exclusions=r"nicht|ausser|kein\w*|nie|niemals|(?:an)?statt",
    exclusions_after=r"(?:(?:kann|geht|passt|ist|will|mochte|habe) )?(?:ich |es |mir |uns |das )*"
    r"(?:nicht|nein|kein\w*)",
    changes=words("andern andere anderer anderes anderen verschieben falsch falsche stattdessen"),
    questions=words("was welche welcher welches wann wer wie warum"),
    alternatives=words("oder und bis"),
    half="(?:und (?:ein|1) halb(?:e[rsn]?)?)",
    decimal_mark=",",
    places=Places(
        nth=(
            "erste[nrs]?|fruheste[nrs]?|fruhere[nrs]?",
            "zweite[nrs]?",
            "dritte[nrs]?",
            "vierte[nrs]?",
            "funfte[nrs]?",
        ),
        middle="mittlere[nrs]?|in der mitte",
        last="letzte[nrs]?|spatere[nrs]?",
        morning="morgens|vormittags?|am (?:morgen|vormittag)",
        afternoon="nachmittags?|am nachmittag",
    ),
    kinds={"date": words("tag datum"), "time": words("uhrzeit zeit"), "phone": words("nummer telefonnummer")},
    this_number=(r"\bdiese[rn]? (?:selben? )?nummer\b", r"\bvon der ich (?:gerade )?anrufe\b"),
    letters=(
        ("ck|c", "k"),
        ("ph|v", "f"),
        ("w", "v"),
        ("z|tz", "ts"),
        ("ie|y", "i"),
        ("(?<=[aeiou])h", ""),
        ("dt", "t"),
    ),
    prompts={
        "no_input": ("Entschuldigung, ich habe Sie nicht gehört.", "Ich höre Sie leider immer noch nicht."),
        "no_match": (
            "Entschuldigung, das habe ich nicht verstanden.",
            "Ich habe Sie leider noch nicht verstanden.",
        ),
        "acknowledgement": ("Einen Moment.", "Ich sehe nach."),
        "waiting": ("Einen Moment, bitte.",),
        "model_failed": ("Es tut mir leid, das kann ich gerade nicht beantworten.",),
        "shall_i": ("Soll ich das jetzt tun?",),
        "who_calls": ("Ein Anruf von {{ caller.number | digits }}.",),
        "rejected": ("Das geht leider nicht.",),
        "did_you_say": ("Haben Sie {} gesagt?",),
        "give_up": (
            "Es tut mir leid, so kommen wir nicht weiter. Bitte rufen Sie später wieder an. Auf Wiederhören.",
        ),
    },
    numbers=NUMBERS,
    calendar=CALENDAR,
    speech=SPEECH,
)
