"""French."""

from __future__ import annotations

from app.flow.languages.base import Language, phrases, words

FRENCH = Language(
    code="fr",
    yes=phrases(
        "oui, ouais, oui oui, bien sur, daccord, ok, okay, exactement, exact, tout a fait, cest ca, cest exact",
        "cest bon, parfait, volontiers, oui merci, oui sil vous plait, absolument, certainement, correct, cest correct",
    ),
    no=phrases(
        "non, non non, non merci, pas du tout, jamais, cest faux, faux, ce nest pas ca, ce nest pas correct, incorrect",
        "pas vraiment, cest tout, non cest tout, rien, rien dautre, non rien dautre, surtout pas, pas maintenant",
    ),
    openings=phrases(
        "euh, hum, ben, bah, alors, bon, bonjour, bonsoir, salut, oui, daccord, ah, oh, sil vous plait, merci, pardon",
        "je voudrais, jaimerais, je veux, je souhaite, je souhaiterais, il me faut, jai besoin de, je peux",
        "est ce que je peux, est ce que je pourrais, pourrais je, puis je, jappelle pour, cest pour, pouvez vous",
        "cest, ce serait, disons, plutot, le, la, un, une, je dois",
    ),
    closings=phrases(
        "sil vous plait, sil te plait, merci, merci beaucoup, si possible, si cest possible, maintenant"
    ),
    negations=words("pas non jamais sans ni aucun aucune"),
    function_words=words(
        "le la les un une des du de je tu il elle nous vous me mon ma mes votre vos ce cet cette ces et ou "
        "mais a au aux en dans avec pour par sur que qui est sont suis ai as avez voudrais veux jaimerais "
        "bonjour merci euh oui alors sil plait si"
    ),
    backchannels=phrases("mm, mm hm, hum, oui, ouais, ok, daccord, ah, je vois, bien"),
    prompts={
        "no_input": ("Pardon, je ne vous ai pas entendu.", "Je ne vous entends toujours pas."),
        "no_match": ("Pardon, je n'ai pas compris.", "Désolé, je n'ai toujours pas compris."),
        "rejected": ("Désolé, ce n'est pas possible.",),
        "did_you_say": ("Avez-vous dit {} ?",),
        "give_up": (
            "Désolé, nous n'arrivons pas à nous comprendre. Rappelez plus tard, s'il vous plaît. Au revoir.",
        ),
    },
)
