"""What the embedded answers know of each language: words without content, words that mean the same, fixed sentences.

Words are written in lower case, without accents.
"""

from __future__ import annotations

from typing import Final

STOP_WORDS: Final = {
    "en": """
        a about an and any are as at be by can could do does for from get hello have hi how i id if im in is it know
        like me my need no of on or our please so some tell that the there this to us want was we what when where which
        who will with would yes you your
    """,
    "es": """
        a al algo como con cual cuando de del donde el ella en es esta estan este esto hay hola la las lo los me mi mis
        necesito para pero por puede puedo que quiero quisiera se si sin son su sus tengo tiene un una usted y ya
    """,
    "fr": """
        a ai au aux avec avez bonjour ce cela ces comment d dans de des du elle en est et faire il ils je l
        la le les leur ma me mes mon ou par pas peux pour puis quand que quel quelle quelles quels qui sa se ses
        si son sont sur un une vos votre vous y
    """,
    "de": """
        aber als am an auf aus bei bin bitte da das dem den der des die ein eine einen er es fur gibt haben hallo hat
        ich ihr ihre im in ist kann konnen man mein mich mit mochte muss oder sie sind und uns von wann was wie wo zu
        zum zur
    """,
    "it": """
        a ai al alla anche che chi ci come con cosa da dei del della di dove e ed gli ha ho i il in io la le lo ma mi
        mio nel non o per piu posso quando quanto sono su un una voi vorrei
    """,
}

# what callers say, and what facts call it
SAME: Final = {
    "en": ("park parking car", "open hours close shut when", "where address located", "eat food breakfast",
           "drink water", "bring carry", "cost price charge", "doctor physician"),
    "es": ("aparcar aparcamiento coche", "horario abrir abierto abren abrimos hora cerrar cuando",
           "direccion donde queda", "comer ayunas desayunar"),
    "fr": ("garer parking voiture", "horaires ouvert ouverture heures fermer quand", "adresse ou trouver",
           "manger jeun"),
    "de": ("parken parkplatz auto", "offnungszeiten offnen geoffnet uhr schliessen wann", "adresse wo finden",
           "essen nuchtern"),
    "it": ("parcheggio parcheggiare auto", "orari aprire aperto chiudere quando", "indirizzo dove",
           "mangiare digiuno"),
}  # fmt: skip

ASK_BACK: Final = {
    "en": "What would you like to know?",
    "es": "¿Qué le gustaría saber?",
    "fr": "Que voulez-vous savoir ?",
    "de": "Was möchten Sie wissen?",
    "it": "Che cosa vuole sapere?",
}

SNOWBALL: Final = {"en": "english", "es": "spanish", "fr": "french", "de": "german", "it": "italian"}
