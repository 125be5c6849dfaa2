"""English."""

from __future__ import annotations

from app.flow.languages.base import Language, phrases, words

ENGLISH = Language(
    code="en",
    yes=phrases(
        "yes, yeah, yep, yup, yes yes, yeah yeah, sure, of course, ok, okay, right, correct, exactly, absolutely",
        "certainly, definitely, affirmative, please, please do, yes please do, yes i do, i do, yes it is, it is",
        "thats right, thats correct, that is right, that is correct, thats it, thats fine, that is fine, fine",
        "sounds good, that sounds good, sounds great, go ahead, yes go ahead, do it, perfect, great, good",
        "all right, alright, mm hm, mhm, uh huh, yes thats right, yes thats correct, yes that is correct, why not",
        "yes i would, i would, yes i am, i am, yes we do, that works, works for me, thats good, i think so, indeed",
        "yes thats fine, yes that works, you bet, that one, book it, yes book it, yeah sure, yeah thats fine",
    ),
    no=phrases(
        "no, nope, nah, no no, no thanks, no thank you, not really, negative, no way, never, no i dont, i dont",
        "thats wrong, that is wrong, wrong, incorrect, thats not right, that is not right, not correct",
        "thats not correct, that is not correct, its not, it isnt, no its not, no it isnt, no thats wrong",
        "no thats not right, absolutely not, of course not, certainly not, definitely not, not at all, uh uh",
        "dont, do not, please dont, no dont, not now, not today, id rather not, i would rather not, i dont think so",
        "no thats all, thats all, that is all, nothing else, nothing, no nothing, no nothing else, thats everything",
        "im good, no im good, im fine, no im fine, no i am not, im not, i am not, not yet, that will be all",
        "no thats it, no thats everything, no that will be all, not quite, no not really, all done, im done",
    ),
    openings=phrases(
        "um, uh, er, erm, hmm, mm, ah, oh, well, so, okay, ok, right, alright, yes, yeah, yep, hi, hello, hey, please",
        "good morning, good afternoon, good evening, hi there, hello there, thanks, thank you, sorry, actually",
        "excuse me, i, id, ill, i am, im, i would, i will, i want, i need, i was, wanna, gonna, like, just, maybe",
        "id like to, i would like to, i want to, i wanted to, i need to, i have to, i wish to, i want a, i need a",
        "id like, i would like, id love to, i would love to, i am calling to, im calling to, i called to",
        "im calling about, i am calling about, calling about, im trying to, i am trying to, im looking to",
        "can i, could i, may i, can you, could you, would you, can we, could we, let me, lets, let us, help me",
        "i was wondering if i could, i was hoping to, is it possible to, would it be possible to, do you think i can",
        "you know, i mean, i guess, i think, it is, its, that is, thats, that would be, that will be, make it",
        "how about, what about, lets say, lets do, shall we say, say, is it okay to, to, the, a, an",
    ),
    closings=phrases(
        "please, thanks, thank you, thank you very much, thanks a lot, cheers, now, right now, if possible",
        "if thats possible, if you can, if i can, if i may, okay, ok, today please, then, for me, actually, sir",
        "if thats okay, if thats ok, if you dont mind, i think, i guess, you know, um, uh, er, maam, mate",
        "would be great, would be good, would be fine, would be best, is fine, works, works for me, sounds good",
        "would be perfect, is good, is best, is perfect, will do, works best, if you have it, will be fine",
    ),
    negations=words("not dont doesnt didnt isnt arent wasnt wont cant cannot never without neither nor"),
    function_words=words(
        "a an the i im id ill ive me my mine you your we us our he she it its they them this that these those "
        "is are am was were be been do does did have has had will would can could should may might must to of "
        "in on at by for with from about as into and or but if so then than there here what which who how "
        "when where please thanks thank just like want need get got um uh er oh ah well okay ok yes yeah hi "
        "hello hey some any"
    ),
    backchannels=phrases(
        "uh huh, mm hm, mhm, mm, hmm, ok, okay, right, yeah, yes, sure, i see, ah, oh, aha, got it"
    ),
    prompts={
        "no_input": ("Sorry, I didn't hear you.", "I still can't hear you."),
        "no_match": ("Sorry, I didn't catch that.", "I'm sorry, I still didn't understand."),
        "rejected": ("Sorry, that won't work.",),
        "did_you_say": ("Did you say {}?",),
        "give_up": ("I'm sorry, this isn't working. Please call again later. Goodbye.",),
    },
)
