"""German."""

from __future__ import annotations

from app.flow.languages.base import Language, phrases, words

GERMAN = Language(
    code="de",
    yes=phrases(
        "ja, ja ja, jawohl, genau, ja genau, richtig, ja richtig, stimmt, das stimmt, korrekt, klar, na klar, sicher",
        "gerne, ja gerne, ja bitte, bitte, in ordnung, ok, okay, passt, das passt, gut, naturlich, einverstanden, jo",
    ),
    no=phrases(
        "nein, nee, ne, nein nein, nein danke, falsch, das ist falsch, stimmt nicht, das stimmt nicht, nicht richtig",
        "auf keinen fall, niemals, nein das wars, das wars, das ist alles, nein das ist alles, nichts, nichts mehr",
        "nein nichts mehr, lieber nicht, jetzt nicht, noch nicht, eher nicht",
    ),
    openings=phrases(
        "ah, ahm, oh, hm, also, ja, hallo, guten tag, guten morgen, guten abend, gruss gott, servus, bitte, danke, na",
        "ich mochte, ich mochte gerne, ich wurde gerne, ich hatte gerne, ich will, ich wollte, ich brauche, ich muss",
        "kann ich, konnte ich, konnen sie, konnten sie, ich rufe an wegen, es geht um, darf ich, dann, vielleicht",
        "das ist, es ist, das ware, sagen wir, lieber, am, der, die, das, den, ein, eine, einen",
    ),
    closings=phrases(
        "bitte, danke, vielen dank, danke schon, wenn moglich, wenn es geht, jetzt, gerne, bitte schon"
    ),
    negations=words("nicht kein keine keinen keinem nie niemals ohne weder"),
    function_words=words(
        "der die das den dem des ein eine einen einem einer ich du er sie es wir ihr mich mir mein meine "
        "meinen und oder aber zu zum zur in im am an auf mit fur von bei bis ist sind bin war habe hat haben "
        "mochte will wurde gerne kann konnte muss bitte danke hallo ja also wenn dass"
    ),
    backchannels=phrases("mm, mhm, hm, ja, aha, ok, okay, genau, ach so, gut"),
    prompts={
        "no_input": ("Entschuldigung, ich habe Sie nicht gehört.", "Ich höre Sie leider immer noch nicht."),
        "no_match": (
            "Entschuldigung, das habe ich nicht verstanden.",
            "Ich habe Sie leider noch nicht verstanden.",
        ),
        "rejected": ("Das geht leider nicht.",),
        "did_you_say": ("Haben Sie {} gesagt?",),
        "give_up": (
            "Es tut mir leid, so kommen wir nicht weiter. Bitte rufen Sie später wieder an. Auf Wiederhören.",
        ),
    },
)
