"""Spanish."""

from __future__ import annotations

from datetime import date, time

from app.flow.languages.base import Language, Places, names, phrases, words
from app.flow.languages.calendar import Calendar, DatePattern, TimePattern
from app.flow.languages.numbers import NumberWords, combined, counted
from app.flow.languages.speech import Speech

_UNITS = counted("uno dos tres cuatro cinco seis siete ocho nueve", 1)
_TENS = counted("treinta cuarenta cincuenta sesenta setenta ochenta noventa", 30, 10)
_TWENTIES = counted(
    "veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve",
    20,
)
_TEENS = counted("diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve", 10)

NUMBERS = NumberWords(
    small=[
        ("cero", 0),
        *_UNITS,
        *_TEENS,
        *_TWENTIES,
        *_TENS,
        *combined(_TENS, _UNITS, " y "),
        *combined(_TENS, [("un", 1), ("una", 1)], " y "),
        *[("un", 1), ("una", 1), ("veintiún", 21), ("veintiuna", 21)],
    ],
    hundreds=[
        *counted("cien doscientos trescientos cuatrocientos quinientos seiscientos", 100, 100),
        *counted("setecientos ochocientos novecientos", 700, 100),
        *counted("ciento doscientas trescientas cuatrocientas quinientas seiscientas", 100, 100),
        *counted("setecientas ochocientas novecientas", 700, 100),
    ],
    hundred_with_rest="ciento",
    thousand={"millon": 1_000_000, "millones": 1_000_000, "mil": 1000},
    # the others are cardinals in dates, and "cuarto" is a quarter of an hour
    ordinals=[("primero", 1), ("primer", 1)],
    repeats={"doble": 2, "triple": 3},
    homophones={"o": "0", "sero": "0", "ceros": "0"},
    plus=frozenset({"mas"}),
    minus=frozenset({"menos"}),
    point=frozenset({"coma", "punto"}),
    separators=words("guion espacio luego eh y barra punto coma"),
    amounts=[
        ("una docena", 12),
        ("un par", 2),
        ("media docena", 6),
        ("ninguno", 0),
        ("ninguna", 0),
        ("solo yo", 1),
    ],
)

CALENDAR = Calendar(
    weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    months=names("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
    units=("dias?", "semanas?", "mes(?:es)?", "anos?"),
    dates=[
        DatePattern("pasado manana(?: por la (?:manana|tarde|noche))?", 2),
        DatePattern("(?:antes de ayer|anteayer)", -2),
        DatePattern("(?<!la )manana(?: por la (?:manana|tarde|noche))?", 1),
        DatePattern("(?:hoy(?: mismo)?|esta (?:manana|tarde|noche))", 0),
        DatePattern("ayer", -1),
        DatePattern("(?:en|dentro de) {n} {unit}"),
        DatePattern("(?:de hoy en|de aqui a) {n} {unit}"),
        DatePattern("hace {n} {unit}", ago=True),
        DatePattern("(?:el )?{weekday} de la (?:semana (?:que viene|proxima)|proxima semana)", week="next"),
        DatePattern("la (?:semana que viene|proxima semana|semana proxima) el {weekday}", week="next"),
        DatePattern("(?:el )?{weekday} (?:que viene|proximo|siguiente)"),
        DatePattern("(?:el )?(?:proximo|siguiente|este) {weekday}"),
        DatePattern("(?:el )?{weekday} pasado", week="last"),
        DatePattern("(?:el )?(?:pasado|ultimo) {weekday}", week="last"),
        DatePattern("(?:para )?(?:el )?{weekday}(?: de esta semana)?"),
        DatePattern(
            "(?:(?:el )?{weekday} )?(?:el )?(?:dia )?{day} (?:del? )?(?:mes de )?{month}(?: del? "
            "(?:ano )?{year})?"
        ),
        DatePattern("(?:el )?{day} del? (?P<month_number>\\d{1,2}) del? {year}"),
        DatePattern("(?:el )?(?:dia )?{day} del? (?P<following>mes que viene|proximo mes|mes proximo)"),
        DatePattern("(?:el )?{weekday} (?:dia )?{day}"),
        DatePattern("(?:el )?dia {day}(?: de este mes)?"),
        DatePattern("el (?:este )?{day}(?: de este mes)?"),
    ],
    times=[
        TimePattern("(?:a )?(?:las? )?{hour} y media", 30),
        TimePattern("(?:a )?(?:las? )?{hour} y cuarto", 15),
        TimePattern("(?:a )?(?:las? )?{hour} menos cuarto", -15),
        TimePattern("(?:un )?cuarto para las? {hour}", -15),
        TimePattern("{to}(?: minutos)? para las? {hour}"),
        TimePattern("(?:a )?(?:las? )?{hour} menos {to}"),
        TimePattern("(?:a )?(?:las? )?{hour} (?:y|con) {past}(?: minutos)?"),
        TimePattern("(?:a )?(?:las? )?{hour}[ :.]{minute}(?: horas)?"),
        TimePattern("(?P<hour>[012] \\d) (?P<minute>[0-5] \\d)"),
        TimePattern("(?:a )?las? {hour}(?: (?:en punto|horas))?"),
        TimePattern("{hour} (?:en punto|horas)"),
        TimePattern("(?:a |al )?(?:el )?mediodia", fixed=time(12)),
        TimePattern("(?:a )?(?:la )?medianoche", fixed=time(0)),
        TimePattern("{hour}", weak=True),
    ],
    morning="am|de la manana|por la manana|de la madrugada",
    afternoon="pm|de la tarde|por la tarde|del mediodia|de la noche|por la noche",
    open_endings=words(
        "el la las los de del a al y menos para en dentro proximo este que viene dia semana mes hace antes"
    ),
    short_names={"setiembre": "septiembre"},
)


def _date(value: date, with_year: bool) -> str:
    day = "primero" if value.day == 1 else NUMBERS.spell(value.day)
    text = f"{CALENDAR.weekdays[value.isoweekday() - 1]} {day} de {CALENDAR.months[value.month - 1]}"
    return f"{text} de {NUMBERS.spell(value.year)}" if with_year else text


def _time(hour: int, minute: int) -> str:
    spoken = (hour - 1) % 12 + 1
    text = "una" if spoken == 1 else NUMBERS.spell(spoken)
    if minute == 30:
        text += " y media"
    elif minute == 15:
        text += " y cuarto"
    elif minute:
        text += f" y {NUMBERS.spell(minute)}"
    if 7 <= hour < 13:
        return text
    return f"{text} de la {'madrugada' if hour < 7 else 'tarde' if hour < 20 else 'noche'}"


SPEECH = Speech(
    conjunction="y",
    yes="sí",
    no="no",
    decimal_point="coma",
    minus="menos",
    date=_date,
    time=_time,
    currencies={
        "USD": ("dólar", "dólares", "centavo", "centavos"),
        "EUR": ("euro", "euros", "céntimo", "céntimos"),
        "GBP": ("libra", "libras", "penique", "peniques"),
    },
    money_joiner="con",
)

SPANISH = Language(
    code="es",
    yes=phrases(
        "si, si si, claro, claro que si, por supuesto, vale, de acuerdo, correcto, exacto, exactamente",
        "eso es, asi es, esta bien, bien, muy bien, bueno, ok, okay, perfecto, adelante, desde luego",
        "si por favor, si claro, si correcto, si esta bien, me parece bien, hagalo, si quiero, ese mismo",
        "esa misma, si adelante, efectivamente, si exacto, si eso es, me va bien, si me va bien, como no",
        "no hay problema, sin problema, por mi bien, venga, dale, cierto, es correcto",
    ),
    no=phrases(
        "no, no no, no gracias, para nada, negativo, incorrecto, no es correcto, no esta bien, esta mal",
        "no quiero, de ninguna manera, en absoluto, nunca, no es eso, eso no, no eso no, no asi no",
        "mejor no, todavia no, nada mas, no nada mas, nada, no nada, eso es todo, no eso es todo, ya esta",
        "no ya esta, no hace falta, ninguno, ninguna, no es asi, ahora no, hoy no, creo que no",
        "de momento no, por ahora no, claro que no, por supuesto que no, adios, hasta luego, dejelo, dejalo",
        "ya esta todo, nada mas adios",
    ),
    firm=words("si no"),
    more=phrases(
        "una cosa mas, otra cosa, algo mas, otra pregunta, si otra cosa, una pregunta mas, hay algo mas"
    ),
    unsure=phrases(
        "no lo se, no se, no estoy seguro, no estoy segura, quizas, tal vez, puede ser, depende",
        "ni idea, me da igual",
        "no tengo ni idea, no me acuerdo, no lo recuerdo, no me lo se, no sabria decirle",
    ),
    greetings=phrases(
        "hola, buenas, buenos dias, buen dia, buenas tardes, buenas noches, muy buenas, que tal, como esta",
        "oiga, hay alguien, hay alguien ahi",
    ),
    courtesies=phrases("por favor, gracias, muchas gracias, por favor gracias"),
    hold=phrases(
        "un momento, un momentito, un segundo, un minuto, espere, espere un momento, espera, dejeme ver",
        "dejeme pensar, deme un segundo, deme un momento, aguarde, a ver",
    ),
    hedges=words("pero salvo excepto"),
    key_words=words("pulse pulsar opcion numero marque tecla"),
    openings=phrases(
        "eh, em, este, pues, bueno, a ver, mire, mira, hola, buenas, buenos dias, buenas tardes",
        "buenas noches, si, vale, oiga, disculpe, perdon, perdone, por favor, gracias, ah, oh, mmm, bien",
        "entonces, claro, quiero, queria, quisiera, me gustaria, necesito, necesitaria, deseo, puedo",
        "podria, puede, tengo que, llamo para, llamaba para, es para, yo quiero, yo queria, quiero que",
        "es posible, seria posible, querria, me puede, me podria, puedes, podrias, vamos a, es, seria, sera",
        "que sea, mejor, digamos, el, la, un, una, lo, creo que, pienso que, que tal, para, pues mire",
        "voy a, me quedo con, prefiero, pongame, deme, vengo a, naci el, naci en, naci",
    ),
    closings=phrases(
        "por favor, gracias, muchas gracias, si es posible, si puede ser, si puede, vale, ahora",
        "ahora mismo, entonces, de acuerdo, me va bien, esta bien, estaria bien, me viene bien",
        "seria perfecto, si no le importa, me vale, me viene mejor, me va mejor, si pudiera ser",
        "perfecto, creo, pues, si se puede",
    ),
    negations=words("no nunca jamas tampoco sin ni"),
    function_words=words(
        "el la los las un una unos unas lo yo tu mi me te se le les su sus mis de del a al en con por para "
        "que y o pero si es son esta estoy soy ser hay he ha tengo tiene quiero queria quisiera gustaria "
        "necesito puedo podria puede favor gracias hola buenos buenas dias tardes eh pues bueno este "
        "esta eso "
        "esa como donde cual cuales cuanto cuanta quien tienen"
    ),
    backchannels=phrases(
        "aja, mm, mmm, mm hm, si, ya, vale, ok, okay, claro, bien, ah, eh, entiendo",
    ),
    corrections=words("no perdon digo mejor corrijo perdone"),
    frames=words(
        "ponga pongame apunte apunteme reserve reserveme reservar elijo escojo cojo tomo quedo libre disponible "
        "iria vendria viene va bien mejor perfecto perfecta ideal estupendo genial temprano pronto tarde manana "
        "primera ultima hora horas dia dias semana mes ano proximo proxima siguiente fecha creo supongo quiza quizas "
        "seria fuera fuese posible pudiera hacer poder mismo misma me para el la las los a en es soy del de digo "
        "nos alas llamar llame llamen llamarme numero cifras son prefiero podria puedo podemos seria queda"
    ),
    hesitations=words("eh em ehm mmm hm uh um"),
    exclusions="menos|excepto|salvo|nunca|que no sea|en (?:vez|lugar) del?(?: l[ao]s?)?|y no|"
    "no (?:puedo|podria|me va|me viene|quiero)(?: bien)?",
    exclusions_after="no(?! (?:se|estoy|sabria))",
    changes=words(
        "cambiar cambie cambio cambia otro otra distinto distinta diferente mover equivocado equivocada mal"
    ),
    questions=words("que cual cuales cuando como donde quien"),
    alternatives=words("o u y a hasta"),
    half="y (?:media|medio)",
    decimal_mark=",",
    places=Places(
        nth=(
            "primer[oa]?|mas (?:temprano|temprana|pronto)|antes posible",
            "segund[oa]",
            "tercer[oa]?",
            "cuart[oa]",
            "quint[oa]",
        ),
        middle="(?:del|en) medio|de en medio|intermedi[oa]",
        last="ultim[oa]|mas tarde",
        morning="(?:de|por) la manana",
        afternoon="(?:de|por) la tarde|despues de comer",
    ),
    kinds={"date": words("dia fecha"), "time": words("hora"), "phone": words("numero telefono")},
    this_number=(
        r"\beste (?:mismo )?(?:numero|telefono)?$",
        r"\beste (?:mismo )?(?:numero|telefono)\b",
        r"\b(?:con|en|a|al) este\b",
        r"\b(?:desde|con|al|a)(?: el)? (?:que|donde) (?:le |les )?(?:llamo|estoy (?:llamando|usando))\b",
    ),
    letters=(
        ("qu|c(?![eih])", "k"),
        ("ll", "y"),
        ("h(?<!ch)", ""),
        ("v", "b"),
        ("c(?=[ei])|z", "s"),
        ("g(?=[ei])|x", "j"),
        ("gu(?=[ei])", "g"),
    ),
    prompts={
        "no_input": ("Perdone, no le he oído.", "Sigo sin oírle."),
        "no_match": ("Perdone, no le he entendido.", "Lo siento, sigo sin entenderle."),
        "acknowledgement": ("Un momento.", "Déjeme ver."),
        "waiting": ("Un momento, por favor.",),
        "model_failed": ("Lo siento, ahora mismo no puedo responder a eso.",),
        "shall_i": ("¿Lo hago ahora?",),
        "who_calls": ("Una llamada del {{ caller.number | digits }}.",),
        "rejected": ("Lo siento, eso no puede ser.",),
        "did_you_say": ("¿Ha dicho {}?",),
        "give_up": ("Lo siento, no conseguimos entendernos. Vuelva a llamar más tarde, por favor. Adiós.",),
    },
    numbers=NUMBERS,
    calendar=CALENDAR,
    speech=SPEECH,
)
