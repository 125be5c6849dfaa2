"""Spanish."""

from __future__ import annotations

from app.flow.languages.base import Language, phrases, words

SPANISH = Language(
    code="es",
    yes=phrases(
        "si, si si, claro, claro que si, por supuesto, vale, de acuerdo, correcto, exacto, exactamente, eso es",
        "asi es, esta bien, bien, muy bien, bueno, ok, okay, perfecto, adelante, desde luego, si por favor",
        "si claro, si correcto, si esta bien, me parece bien, hagalo, si quiero, ese mismo, esa misma, si adelante",
        "efectivamente, si exacto, si eso es, me va bien, si me va bien, como no, venga, dale, cierto, es correcto",
    ),
    no=phrases(
        "no, no no, no gracias, para nada, negativo, incorrecto, no es correcto, no esta bien, esta mal, no quiero",
        "de ninguna manera, en absoluto, nunca, no es eso, eso no, no eso no, no asi no, mejor no, todavia no",
        "nada mas, no nada mas, nada, no nada, eso es todo, no eso es todo, ya esta, no ya esta, no hace falta",
        "ninguno, ninguna, no es asi, ahora no, hoy no, creo que no, claro que no, por supuesto que no",
    ),
    openings=phrases(
        "eh, em, este, pues, bueno, a ver, mire, mira, hola, buenas, buenos dias, buenas tardes, buenas noches",
        "si, vale, oiga, disculpe, perdon, perdone, por favor, gracias, ah, oh, mmm, bien, entonces, claro",
        "quiero, queria, quisiera, me gustaria, necesito, necesitaria, deseo, puedo, podria, puede, tengo que",
        "llamo para, llamaba para, es para, yo quiero, yo queria, quiero que, es posible, seria posible, querria",
        "me puede, me podria, puedes, podrias, vamos a, es, seria, sera, que sea, mejor, digamos, el, la, un, una, lo",
        "creo que, pienso que, que tal, para, pues mire, voy a, vengo a",
    ),
    closings=phrases(
        "por favor, gracias, muchas gracias, si es posible, si puede ser, si puede, vale, ahora, ahora mismo",
        "entonces, de acuerdo, me va bien, esta bien, estaria bien, me viene bien, seria perfecto, si no le importa",
        "perfecto, creo, pues, si se puede",
    ),
    negations=words("no nunca jamas tampoco sin ni"),
    function_words=words(
        "el la los las un una unos unas lo yo tu mi me te se le les su sus mis de del a al en con por para "
        "que y o pero si es son esta estoy soy ser hay he ha tengo tiene quiero queria quisiera gustaria "
        "necesito puedo podria puede favor gracias hola buenos buenas dias tardes eh pues bueno este esta eso "
        "esa como donde"
    ),
    backchannels=phrases("aja, mm, mmm, mm hm, si, ya, vale, ok, okay, claro, bien, ah, eh, entiendo"),
    prompts={
        "no_input": ("Perdone, no le he oído.", "Sigo sin oírle."),
        "no_match": ("Perdone, no le he entendido.", "Lo siento, sigo sin entenderle."),
        "rejected": ("Lo siento, eso no puede ser.",),
        "did_you_say": ("¿Ha dicho {}?",),
        "give_up": ("Lo siento, no conseguimos entendernos. Vuelva a llamar más tarde, por favor. Adiós.",),
    },
)
