"""Italian."""

from __future__ import annotations

from datetime import date, time

from app.flow.languages.base import Language, Places, names, phrases, words
from app.flow.languages.calendar import Calendar, DatePattern, TimePattern
from app.flow.languages.numbers import NumberWords, counted
from app.flow.languages.speech import Speech

_UNITS = counted("uno due tre quattro cinque sei sette otto nove", 1)
_TENS = counted("venti trenta quaranta cinquanta sessanta settanta ottanta novanta", 20, 10)
_TEENS = counted(
    "dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove", 10
)
# the ten loses its vowel before another one: ventuno, ventotto
_COMBINED = [
    (f"{ten[:-1] if unit[0] in 'uo' else ten}{unit}", value + more)
    for ten, value in _TENS
    for unit, more in _UNITS
]

NUMBERS = NumberWords(
    small=[("zero", 0), *_UNITS, *_TEENS, *_TENS, *_COMBINED, ("un", 1), ("una", 1)],
    hundreds=[("cento", 100), *((f"{word}cento", 100 * value) for word, value in _UNITS[1:])],
    hundred_with_rest="cento",
    thousand={"milione": 1_000_000, "milioni": 1_000_000, "mille": 1000, "mila": 1000},
    ordinals=[("primo", 1), ("prima", 1)],
    repeats={"doppio": 2, "triplo": 3},
    homophones={"o": "0"},
    plus=frozenset({"piu"}),
    minus=frozenset({"meno"}),
    point=frozenset({"virgola", "punto"}),
    separators=words("trattino spazio poi e eh punto virgola"),
    amounts=[("una dozzina", 12), ("un paio", 2), ("nessuno", 0), ("nessuna", 0)],
)

CALENDAR = Calendar(
    weekdays=("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
    months=names(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
    ),
    units=("giorn[oi]", "settiman[ae]", "mes[ei]", "ann[oi]"),
    dates=[
        DatePattern("dopodomani|dopo domani", 2),
        DatePattern("domani(?: (?:mattina|pomeriggio|sera))?", 1),
        DatePattern("oggi|stasera|stamattina", 0),
        DatePattern("ieri", -1),
        DatePattern("(?:tra|fra) {n} {unit}"),
        DatePattern("{n} {unit} fa", ago=True),
        DatePattern("{weekday} (?:prossimo|prossima)", week="next"),
        DatePattern("{weekday} della (?:prossima settimana|settimana prossima)", week="next"),
        DatePattern("{weekday} scors[oa]", week="last"),
        DatePattern("{weekday}"),
        DatePattern("(?:{weekday} )?(?:il |l)?{day} (?:di )?{month}(?: (?:del )?{year})?"),
        DatePattern("{weekday} {day}"),
        DatePattern("il (?:giorno )?{day}"),
    ],
    times=[
        TimePattern("(?:al)?(?:le )?{hour} e mezz[ao]", 30),
        TimePattern("(?:al)?(?:le )?{hour} e un quarto", 15),
        TimePattern("(?:al)?(?:le )?{hour} meno un quarto", -15),
        TimePattern("(?:al)?(?:le )?{hour} meno {to}"),
        TimePattern("(?:al)?(?:le )?{hour} e {past}"),
        TimePattern("(?:al)?(?:le )?{hour}[ :.]{minute}"),
        TimePattern("(?:al)?le {hour}(?: in punto)?"),
        TimePattern("(?:a )?mezzogiorno", fixed=time(12)),
        TimePattern("(?:a )?mezzanotte", fixed=time(0)),
        TimePattern("{hour}", weak=True),
    ],
    morning="di mattina|del mattino",
    afternoon="di pomeriggio|del pomeriggio|di sera",
    open_endings=words("il la le alle e meno di tra fra un prossimo per"),
    short_names={},
)


def _date(value: date, with_year: bool) -> str:
    day = "primo" if value.day == 1 else NUMBERS.spell(value.day)
    text = f"{CALENDAR.weekdays[value.isoweekday() - 1]} {day} {CALENDAR.months[value.month - 1]}"
    return f"{text} {NUMBERS.spell(value.year)}" if with_year else text


def _time(hour: int, minute: int) -> str:
    if hour in (0, 12) and minute == 0:
        return "mezzogiorno" if hour else "mezzanotte"
    text = "una" if hour == 1 else NUMBERS.spell(hour)
    return f"{text} e {NUMBERS.spell(minute)}" if minute else text


SPEECH = Speech(
    conjunction="e",
    yes="sì",
    no="no",
    decimal_point="virgola",
    minus="meno",
    date=_date,
    time=_time,
    currencies={
        "USD": ("dollaro", "dollari", "centesimo", "centesimi"),
        "EUR": ("euro", "euro", "centesimo", "centesimi"),
        "GBP": ("sterlina", "sterline", "penny", "pence"),
    },
    money_joiner="e",
)

ITALIAN = Language(
    code="it",
    yes=phrases(
        "si, si si, certo, certamente, esatto, esattamente, va bene, daccordo, ok, okay, giusto, corretto",
        "perfetto, si grazie, si per favore, volentieri, assolutamente",
    ),
    no=phrases(
        "no, no no, no grazie, sbagliato, non e giusto, per niente, mai, niente, nientaltro, e tutto",
        "basta cosi",
    ),
    firm=words("si no"),
    more=phrases("unaltra cosa, ancora una cosa, qualcosaltro, unaltra domanda"),
    unsure=phrases(
        "non lo so, non so, forse, dipende, non sono sicuro, non sono sicura",
    ),
    greetings=phrases(
        "buongiorno, buonasera, salve, ciao, pronto, come sta, ce qualcuno",
    ),
    courtesies=phrases("per favore, per piacere, per cortesia, grazie, grazie mille"),
    hold=phrases(
        "un momento, un attimo, un secondo, un minuto, aspetti, aspetta, aspetti un attimo, vediamo",
        "mi faccia vedere",
    ),
    hedges=words("ma pero tranne"),
    key_words=words("premo opzione numero tasto"),
    openings=phrases(
        "eh, ehm, allora, beh, dunque, si, buongiorno, buonasera, ciao, salve, ah, oh, scusi, per favore",
        "grazie, puo, potrebbe, chiamo per, e, sarebbe, il, la, un, vorrei, voglio, mi piacerebbe",
        "ho bisogno di, posso, potrei",
    ),
    closings=phrases(
        "per favore, per piacere, grazie, grazie mille, se possibile, adesso, ora",
    ),
    negations=words("non no mai senza ne"),
    function_words=words(
        "il lo la i gli le un uno una di del della a al alla in con per da su che e o ma mi mio mia vorrei "
        "voglio posso puo sono ho ha si grazie favore buongiorno"
    ),
    backchannels=phrases(
        "mm, mhm, si, ok, okay, certo, ah, capisco, bene",
    ),
    corrections=words("no scusi anzi pardon"),
    frames=words(
        "metta prenda prendo scelgo libero disponibile va bene meglio perfetto ideale presto tardi mattina "
        "pomeriggio ora giorno data settimana mese anno prossimo prossima possibile sarebbe credo penso mi per il la "
        "alle e sono numero cifre"
    ),
    hesitations=words("eh ehm mmm hm uh"),
    exclusions="tranne|eccetto|mai|non|invece (?:di|che)",
    exclusions_after="(?:no|non)",
    changes=words("cambiare cambi altro altra diverso diversa spostare sbagliato sbagliata"),
    questions=words("che quale quali quando come chi dove"),
    alternatives=words("o e a fino"),
    half="e mezz[oa]",
    decimal_mark=",",
    places=Places(
        nth=("prim[oa]|piu presto", "second[oa]", "terz[oa]", "quart[oa]", "quint[oa]"),
        middle="(?:di|in) mezzo|centrale",
        last="ultim[oa]|piu tardi",
        morning="(?:di|della) mattina",
        afternoon="(?:di|del) pomeriggio",
    ),
    kinds={"date": words("giorno data"), "time": words("ora orario"), "phone": words("numero telefono")},
    this_number=(r"\bquesto (?:stesso )?numero\b", r"\bda cui (?:sto chiamando|chiamo)\b"),
    letters=(("ch|qu|c(?![ei])", "k"), ("gli", "li"), ("h", ""), ("z", "s")),
    prompts={
        "no_input": ("Scusi, non l'ho sentita.", "Non la sento ancora."),
        "no_match": ("Scusi, non ho capito.", "Mi dispiace, non ho ancora capito."),
        "acknowledgement": ("Un momento.", "Vediamo."),
        "waiting": ("Un momento, per favore.",),
        "model_failed": ("Mi dispiace, in questo momento non posso rispondere.",),
        "shall_i": ("Devo farlo adesso?",),
        "who_calls": ("Una chiamata dal {{ caller.number | digits }}.",),
        "rejected": ("Mi dispiace, non è possibile.",),
        "did_you_say": ("Ha detto {}?",),
        "give_up": ("Mi dispiace, non riusciamo a capirci. Richiami più tardi, per favore. Arrivederci.",),
    },
    numbers=NUMBERS,
    calendar=CALENDAR,
    speech=SPEECH,
)
