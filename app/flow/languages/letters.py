"""How letters are spelled aloud, and what stands round a name or an address, in each language.

Everything is in the matcher's spelling: lower case, no accents, no apostrophes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.flow.languages.base import words


@dataclass(frozen=True)
class Letters:
    """`names` are letters as words; `doubles` words that double what follows; `as_in` is "B AS IN boy" as a regular
    expression. `signs` are the words for the signs of an address, the first for a sign being the one that is spoken;
    `asides` what is said of an address without being part of it; `leads` the words after which it begins.
    `introductions`, `titles` and `particles` stand round a name or in it; `no_names` are words that are none.
    `having` begins "… with a double l".
    """

    names: Mapping[str, str]
    doubles: Mapping[str, int]
    as_in: str
    signs: Mapping[str, str]
    asides: str
    leads: frozenset[str]
    introductions: str
    titles: frozenset[str]
    particles: frozenset[str]
    no_names: frozenset[str]
    having: str


def _pairs(text: str) -> dict[str, str]:
    """ "zed z, zee z" as a mapping."""
    return {name: letter for name, _, letter in (one.strip().rpartition(" ") for one in text.split(","))}


# ICAO spelling alphabet, with the spellings that recognisers prefer
ICAO: Final = {
    word: word[0]
    for word in words(
        "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike "
        "november oscar "
        "papa quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu"
    )
}
_PARTICLES: Final = words(
    "van von vom der den de la las los del della di da das dos du des ten ter zu zum bin ibn al el y e"
)
_ASCII: Final = {".": ".", "@": "@", "_": "_", "-": "-", "+": "+"}

LETTERS: Final[Mapping[str, Letters]] = {
    "en": Letters(
        names=_pairs(
            "bee b, cee c, see c, dee d, eff f, gee g, aitch h, haitch h, jay j, kay k, ell l, em m, "
            "en n, oh o, pee p, "
            "cue q, queue q, ess s, tee t, vee v, double u w, double you w, ex x, zed z, zee z"
        ),
        doubles={"double": 2, "triple": 3},
        as_in="as in|for|like|is for",
        signs={
            "dot": ".",
            "period": ".",
            "at": "@",
            "underscore": "_",
            "under score": "_",
            "dash": "-",
            "hyphen": "-",
            "minus": "-",
            "plus": "+",
            **_ASCII,
        },
        asides="all (?:in )?(?:one|1) word|all (?:in )?lower ?case|all together|no spaces?|lower ?case|capital",
        leads=words(
            "is its it be email address mail sure yes yeah ok okay my the that thats so well spelled"
        ),
        introductions=(
            "my (?:(?:full|first|last|sur|family) ?)?name is|my (?:(?:full|first|last|"
            "family) )?names|the names? is|"
            "the name is|names|name is|(?:first|last|family) name(?: is)?|surname(?: is)?|"
            "(?:you can |just )?call me|"
            "this is|it would be|its|it is|im|i am|thats|that is|under(?: the name(?: of)?)?|the name of|for|"
            "spelled|spelt"
        ),
        titles=words("mr mrs ms miss mister missus dr doctor professor sir"),
        particles=_PARTICLES,
        no_names=words(
            "why back call say said tell make book cancel appointment person operator agent help "
            "repeat again today "
            "tomorrow nothing something anything someone somebody whatever sorry pardon know "
            "question speak talk "
            "change wait moment"
        ),
        having="with",
    ),
    "es": Letters(
        names=_pairs(
            "be b, ve v, ce c, de d, efe f, ge g, hache h, jota j, ka k, ele l, elle ll, eme m, "
            "ene n, pe p, cu q, "
            "erre r, ere r, ese s, te t, uve v, uve doble w, doble uve w, doble u w, doble ve w, "
            "equis x, i griega y, "
            "ye y, zeta z, ceta z"
        ),
        doubles={"doble": 2, "dos": 2},
        as_in="de|como(?: en)?|por",
        signs={
            "punto": ".",
            "arroba": "@",
            "guion bajo": "_",
            "barra baja": "_",
            "guion": "-",
            "mas": "+",
            **_ASCII,
        },
        asides="todo (?:junto|seguido)|todo en minusculas?|en minusculas?|sin espacios|mayuscula",
        leads=words("es correo electronico mi email mail direccion si vale pues el la seria"),
        introductions=(
            "me llamo|mi (?:nombre|apellido)(?: completo)? es|soy|es|(?:a|al) nombre de|se llama|"
            "con nombre|para|"
            "(?:nombre|apellido)|se escribe|le habla|habla"
        ),
        titles=words("senor senora senorita sr sra don dona doctor doctora"),
        particles=_PARTICLES,
        no_names=words(
            "cita cancelar cambiar ayuda repetir repita persona operador nada algo alguien decirlo "
            "digo como manana "
            "hoy ahora perdon saber pregunta hablar"
        ),
        having="con",
    ),
    "fr": Letters(
        names=_pairs(
            "be b, ce c, de d, effe f, ge g, ache h, ji j, ka k, elle l, emme m, enne n, pe p, qu q, "
            "erre r, esse s, te t, "
            "ve v, double v w, double ve w, ixe x, i grec y, zede z, zed z"
        ),
        doubles={"deux": 2, "double": 2},
        as_in="comme|de",
        signs={
            "point": ".",
            "arobase": "@",
            "arrobase": "@",
            "chez": "@",
            "at": "@",
            "tiret bas": "_",
            "underscore": "_",
            "tiret du bas": "_",
            "tiret du 8": "_",
            "tiret": "-",
            "trait dunion": "-",
            "plus": "+",
            **_ASCII,
        },
        asides="tout attache|tout colle|en (?:1|un) (?:seul )?mot|(?:tout )?en minuscules?|sans espaces?|majuscule",
        leads=words("est cest mon adresse email mail courriel oui alors le la sera mel"),
        introductions=(
            "je mappelle|mon (?:nom|prenom)(?: de famille)? (?:est|cest)|cest|je suis|(?:au|"
            "le) nom (?:de|est)|ici|"
            "(?:nom|prenom)|pour|sappelle|ca secrit"
        ),
        titles=words("monsieur madame mademoiselle m mme mlle docteur"),
        particles=_PARTICLES,
        no_names=words(
            "pourquoi comment dire rendez rendezvous annuler changer aide repeter repetez personne "
            "rien quelquun "
            "demain aujourdhui pardon savoir question parler veux"
        ),
        having="avec",
    ),
    "de": Letters(
        names={
            **_pairs(
                "be b, ce c, de d, eff f, ge g, ha h, jot j, ka k, ell l, em m, en n, pe p, ku q, "
                "er r, es s, te t, vau v, "
                "we w, ix x, ypsilon y, zett z, zet z"
            ),
        },
        doubles={"doppel": 2, "zweimal": 2, "doppeltes": 2},
        as_in="wie(?: in)?|von",
        signs={
            "punkt": ".",
            "at": "@",
            "klammeraffe": "@",
            "unterstrich": "_",
            "bindestrich": "-",
            "minus": "-",
            "strich": "-",
            "plus": "+",
            **_ASCII,
        },
        asides="alles (?:zusammen|klein|in 1 wort)|zusammengeschrieben|ohne leerzeichen|gross|klein",
        leads=words("ist das die meine email mail adresse ja also lautet ware es"),
        introductions=(
            "mein (?:name|vorname|nachname) (?:ist|lautet)|ich heisse|ich bin(?: der| die)?|"
            "hier (?:ist|spricht)|"
            "das ist|auf (?:den )?namen?|(?:vorname|nachname|name)|unter|buchstabiert|geschrieben"
        ),
        titles=words("herr frau doktor dr professor"),
        particles=_PARTICLES,
        no_names=words(
            "warum wieso sage sagen termin absagen hilfe wiederholen jemand niemand nichts etwas "
            "morgen heute jetzt "
            "wissen weiss frage sprechen mochte nochmal"
        ),
        having="mit",
    ),
    "it": Letters(
        names=_pairs(
            "bi b, ci c, di d, effe f, gi g, acca h, elle l, emme m, enne n, pi p, cu q, erre r, "
            "esse s, ti t, vu v, "
            "doppia vu w, ics x, ipsilon y, zeta z"
        ),
        doubles={"doppia": 2, "due": 2},
        as_in="come|di",
        signs={
            "punto": ".",
            "chiocciola": "@",
            "trattino basso": "_",
            "underscore": "_",
            "trattino": "-",
            **_ASCII,
        },
        asides="tutto attaccato|tutto minuscolo|senza spazi",
        leads=words("e la mia email mail indirizzo si il"),
        introductions="mi chiamo|il mio nome e|sono|a nome di|(?:nome|cognome)",
        titles=words("signor signora signorina dottor dottoressa"),
        particles=_PARTICLES,
        no_names=words("perche come dire aiuto ripeta niente domani oggi"),
        having="con",
    ),
}
