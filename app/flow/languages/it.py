"""Italian."""

from __future__ import annotations

from app.flow.languages.base import Language, phrases, words

ITALIAN = Language(
    code="it",
    yes=phrases(
        "si, si si, certo, certamente, esatto, esattamente, va bene, daccordo, ok, okay, giusto, corretto, perfetto",
        "si grazie, si per favore, volentieri, assolutamente",
    ),
    no=phrases(
        "no, no no, no grazie, sbagliato, non e giusto, per niente, mai, niente, nientaltro, e tutto, basta cosi"
    ),
    openings=phrases(
        "eh, ehm, allora, beh, dunque, si, buongiorno, buonasera, ciao, salve, ah, oh, scusi, per favore, grazie",
        "puo, potrebbe",
        "chiamo per, e, sarebbe, il, la, un",
        "vorrei, voglio, mi piacerebbe, ho bisogno di, posso, potrei",
    ),
    closings=phrases("per favore, per piacere, grazie, grazie mille, se possibile, adesso, ora"),
    negations=words("non no mai senza ne"),
    function_words=words(
        "il lo la i gli le un uno una di del della a al alla in con per da su che e o ma mi mio mia vorrei "
        "voglio posso puo sono ho ha si grazie favore buongiorno"
    ),
    backchannels=phrases("mm, mhm, si, ok, okay, certo, ah, capisco, bene"),
    prompts={
        "no_input": ("Scusi, non l'ho sentita.", "Non la sento ancora."),
        "no_match": ("Scusi, non ho capito.", "Mi dispiace, non ho ancora capito."),
        "rejected": ("Mi dispiace, non è possibile.",),
        "did_you_say": ("Ha detto {}?",),
        "give_up": ("Mi dispiace, non riusciamo a capirci. Richiami più tardi, per favore. Arrivederci.",),
    },
)
