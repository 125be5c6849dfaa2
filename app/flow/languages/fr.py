"""French."""

from __future__ import annotations

from datetime import date, time

from app.flow.languages.base import Language, Places, names, phrases, words
from app.flow.languages.calendar import Calendar, DatePattern, TimePattern
from app.flow.languages.numbers import NumberWords, combined, counted
from app.flow.languages.speech import Speech

_UNITS = counted("un deux trois quatre cinq six sept huit neuf", 1)
_LOW = [*_UNITS, *counted("dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf", 10)]
_TENS = counted("vingt trente quarante cinquante soixante", 20, 10)
_SWISS = [("septante", 70), ("huitante", 80), ("octante", 80), ("nonante", 90)]

NUMBERS = NumberWords(
    small=[
        ("zéro", 0),
        *_LOW,
        *_TENS,
        *[(f"{ten} et un", value + 1) for ten, value in _TENS],
        ("soixante et onze", 71),
        *combined(_TENS, _UNITS, "-"),
        *combined([("soixante", 60)], _LOW[9:], "-"),
        ("quatre-vingts", 80),
        ("quatre-vingt", 80),
        *combined([("quatre-vingt", 80)], _LOW, "-"),
        *_SWISS,
        *combined(_SWISS, [("et un", 1)], " "),
        *combined(_SWISS, _UNITS, "-"),
        ("une", 1),
    ],
    hundreds=[
        ("cent", 100),
        *((f"{word} cent", 100 * value) for word, value in _UNITS[1:]),
        *((f"{word} cents", 100 * value) for word, value in _UNITS[1:]),
    ],
    hundred_with_rest="cent",
    thousand={"million": 1_000_000, "millions": 1_000_000, "mille": 1000, "mil": 1000},
    ordinals=[("premier", 1), ("première", 1)],
    repeats={"double": 2, "triple": 3},
    homophones={"o": "0", "cet": "7", "sis": "6"},
    plus=frozenset({"plus"}),
    minus=frozenset({"moins"}),
    point=frozenset({"virgule", "point"}),
    separators=words("tiret espace puis et euh point virgule"),
    amounts=[("une douzaine", 12), ("aucun", 0), ("aucune", 0), ("juste moi", 1), ("que moi", 1)],
)

CALENDAR = Calendar(
    weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    months=names("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
    units=("jours?", "semaines?", "mois", "ans?|annees?"),
    dates=[
        DatePattern("apres demain", 2),
        DatePattern("avant hier", -2),
        DatePattern("demain(?: (?:matin|apres midi|soir))?", 1),
        DatePattern("(?:aujourdhui|ce (?:matin|soir)|cet apres midi)", 0),
        DatePattern("hier", -1),
        # said of one week and of two
        DatePattern("dans 8 jours", 7),
        DatePattern("dans 15 jours", 14),
        DatePattern("(?:dans|dici) {n} {unit}"),
        DatePattern("il y a {n} {unit}", ago=True),
        DatePattern("{weekday} en 8", week="after"),
        DatePattern("(?:le )?{weekday} de la semaine prochaine", week="next"),
        DatePattern("(?:le )?{weekday} prochain", week="next"),
        DatePattern("{weekday} dernier", week="last"),
        DatePattern("(?:le |ce )?{weekday}(?: qui vient)?"),
        DatePattern("(?:(?:le )?{weekday} )?(?:le )?{day} (?:de )?{month}(?: {year})?"),
        DatePattern("(?:le )?{weekday} {day}"),
        DatePattern("(?:le )?{day} du (?P<following>mois prochain)"),
        DatePattern("le {day}(?: de ce mois)?"),
    ],
    times=[
        TimePattern("(?:a )?{hour} ?h(?:eures?)? et demie?", 30),
        TimePattern("(?:a )?{hour} ?h(?:eures?)? et quart", 15),
        TimePattern("(?:a )?{hour} ?h(?:eures?)? moins (?:le )?quart", -15),
        TimePattern("(?:a )?{hour} ?h(?:eures?)? moins {to}"),
        TimePattern("(?:a )?{hour} ?h(?:eures?)? ?{minute}"),
        TimePattern("(?:a )?{hour} ?h(?:eures?)? {past}"),
        TimePattern("(?:a )?{hour} ?h(?:eures?)?(?: pile)?"),
        TimePattern("(?:a )?{hour}[:.]{minute}"),
        TimePattern("(?P<hour>[012] \\d) (?P<minute>[0-5] \\d)"),
        TimePattern("(?:a )?midi et demie?", fixed=time(12, 30)),
        TimePattern("(?:a )?(?<!apres )midi", fixed=time(12)),
        TimePattern("(?:a )?minuit", fixed=time(0)),
        TimePattern("{hour}", weak=True),
    ],
    morning="du matin",
    afternoon="de lapres midi|du soir",
    open_endings=words("le la de du a et moins dans prochain ce cet apres avant en pour"),
    short_names={},
)


def _date(value: date, with_year: bool) -> str:
    day = "premier" if value.day == 1 else NUMBERS.spell(value.day)
    text = f"{CALENDAR.weekdays[value.isoweekday() - 1]} {day} {CALENDAR.months[value.month - 1]}"
    return f"{text} {NUMBERS.spell(value.year)}" if with_year else text


def _time(hour: int, minute: int) -> str:
    if hour in (0, 12) and minute == 0:
        return "midi" if hour else "minuit"
    text = f"{'une' if hour == 1 else NUMBERS.spell(hour)} heure{'' if hour == 1 else 's'}"
    return f"{text} {NUMBERS.spell(minute)}" if minute else text


SPEECH = Speech(
    conjunction="et",
    yes="oui",
    no="non",
    decimal_point="virgule",
    minus="moins",
    date=_date,
    time=_time,
    currencies={
        "USD": ("dollar", "dollars", "cent", "cents"),
        "EUR": ("euro", "euros", "centime", "centimes"),
        "GBP": ("livre", "livres", "penny", "pence"),
    },
    money_joiner="et",
)

FRENCH = Language(
    code="fr",
    yes=phrases(
        "oui, ouais, oui oui, bien sur, daccord, ok, okay, exactement, exact, tout a fait, cest ca",
        "cest exact, cest bon, parfait, volontiers, oui merci, oui sil vous plait, absolument, certainement",
        "pourquoi pas, pas de probleme, pas de souci, aucun probleme, cest parfait, ca me va",
        "ca marche, entendu, correct, cest correct",
    ),
    no=phrases(
        "non, non non, non merci, pas du tout, jamais, cest faux, faux, ce nest pas ca, ce nest pas correct",
        "incorrect, pas vraiment, cest tout, non cest tout, rien, rien dautre, non rien dautre, surtout pas",
        "pas pour le moment, pour linstant non, ca ira, non ca ira, pas maintenant",
    ),
    firm=words("oui ouais non"),
    more=phrases(
        "autre chose, encore une chose, une autre question, encore une question, une derniere chose"
    ),
    unsure=phrases(
        "je ne sais pas, je sais pas, peut etre, ca depend, aucune idee, ca mest egal",
    ),
    greetings=phrases(
        "bonjour, bonsoir, salut, allo, comment allez vous, ca va, il y a quelquun, vous etes la",
    ),
    courtesies=phrases("sil vous plait, sil te plait, merci, merci beaucoup"),
    hold=phrases(
        "un moment, un instant, une seconde, une minute, attendez, attends, attendez une seconde",
        "ne quittez pas, laissez moi voir, voyons",
    ),
    hedges=words("mais sauf"),
    key_words=words("tapez option numero touche choix"),
    openings=phrases(
        "euh, hum, ben, bah, alors, bon, bonjour, bonsoir, salut, oui, daccord, ah, oh, sil vous plait",
        "merci, pardon, je voudrais, jaimerais, je veux, je souhaite, je souhaiterais, il me faut",
        "jai besoin de, je peux, est ce que je peux, est ce que je pourrais, pourrais je, puis je",
        "jappelle pour, cest pour, pouvez vous, cest, ce serait, disons, plutot, je prends",
        "je prendrai, je vais prendre, je prefere, le, la, un, une, je dois",
    ),
    closings=phrases(
        "sil vous plait, sil te plait, merci, merci beaucoup, si possible, si cest possible, maintenant",
    ),
    negations=words("pas non jamais sans ni aucun aucune"),
    function_words=words(
        "le la les un une des du de je tu il elle nous vous me mon ma mes votre vos ce cet cette ces et ou "
        "mais a au aux en dans avec pour par sur que qui est sont suis ai as avez voudrais veux jaimerais "
        "bonjour merci euh oui alors sil plait si"
    ),
    backchannels=phrases(
        "mm, mm hm, hum, oui, ouais, ok, daccord, ah, je vois, bien",
    ),
    corrections=words("non pardon plutot enfin desole"),
    frames=words(
        "mettez reservez reserver prends prendre prendrai choisis choisirais libre disponible convient conviendrait "
        "irait va bien mieux parfait ideal tot tard matin soir heure heures jour date semaine mois annee prochain "
        "prochaine possible serait crois pense me pour le la les a en cest je suis numero chiffres appelez"
    ),
    hesitations=words("euh heu hum hm ben bah"),
    hesitations_and_words=words("ben"),
    exclusions="pas|sauf|hormis|excepte|jamais|au lieu d[eu]|plutot que",
    exclusions_after="(?:je |ca |cest )?(?:ne|non|pas|impossible)",
    changes=words("changer changez change autre deplacer faux mauvais mauvaise"),
    questions=words("quel quelle quels quand comment qui quoi combien"),
    alternatives=words("ou et a jusqua"),
    half="et demie?",
    decimal_mark=",",
    places=Places(
        nth=("premiere?|plus tot", "deuxieme|seconde?", "troisieme", "quatrieme", "cinquieme"),
        middle="(?:du|au) milieu",
        last="derniere?|plus tard",
        morning="(?:du|le) matin",
        afternoon="(?:de )?l?apres midi",
    ),
    kinds={"date": words("jour date"), "time": words("heure"), "phone": words("numero telephone")},
    this_number=(
        r"\b(?:ce|ce meme|le meme) numero\b",
        r"\b(?:duquel|avec lequel|dont) (?:jappelle|je vous appelle)\b",
    ),
    letters=(
        ("qu|c(?![eih])", "k"),
        ("ph", "f"),
        ("eau|au", "o"),
        ("h", ""),
        ("c(?=[ei])|z", "s"),
        ("ai|ei|et", "e"),
    ),
    prompts={
        "no_input": ("Pardon, je ne vous ai pas entendu.", "Je ne vous entends toujours pas."),
        "no_match": ("Pardon, je n'ai pas compris.", "Désolé, je n'ai toujours pas compris."),
        "acknowledgement": ("Un instant.", "Je regarde."),
        "waiting": ("Un instant, s'il vous plaît.",),
        "model_failed": ("Désolé, je ne peux pas répondre pour le moment.",),
        "shall_i": ("Est-ce que je le fais maintenant ?",),
        "who_calls": ("Un appel du {{ caller.number | digits }}.",),
        "rejected": ("Désolé, ce n'est pas possible.",),
        "did_you_say": ("Avez-vous dit {} ?",),
        "give_up": (
            "Désolé, nous n'arrivons pas à nous comprendre. Rappelez plus tard, s'il vous plaît. Au revoir.",
        ),
    },
    numbers=NUMBERS,
    calendar=CALENDAR,
    speech=SPEECH,
)
