"""The services that the shipped flows ask. All data is invented, kept in memory, and the same at every start.

    clinic           GET /patients?phone=   GET /free?day=   GET /bookings?phone=   POST /bookings   DELETE /bookings/ID
    restaurant       GET /tables?day=&party=   POST /tables
    card_activation  POST /cards/search   POST /cards/activations

A request that cannot be read is answered by 400, what is not there by 404, what is taken already by 409.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

# the first is the number that the simulator calls from
PATIENTS: Final = {"+14155550100": "Ana", "+14155550101": "Robert", "+14155550102": "Grace"}
# nobody keeps more than three times in mind
TIMES: Final = ("09:30", "11:00", "14:00")
EVENINGS: Final = ("18:00", "19:30", "21:00")
# one day in so many is full
FULL_EVERY: Final = 9
BIG_PARTY: Final = 6
# what its owner knows of a card, and whether it is active
CARDS: Final = {("4321", "1985-02-14"): "card-1", ("8765", "1990-07-01"): "card-2"}
ACTIVE: Final = frozenset({"card-2"})


@dataclass
class DemoBackend:
    """`taken` are moments: a kind of thing, its day and its time."""

    today: date
    bookings: dict[str, dict[str, str]] = field(default_factory=dict)
    taken: set[tuple[str, str, str]] = field(default_factory=set)
    active: set[str] = field(default_factory=lambda: set(ACTIVE))
    made: int = 0

    def __post_init__(self) -> None:
        """The first patient has an appointment, on the Tuesday after this week."""
        tuesday = self.today + timedelta(days=8 - self.today.weekday())
        self.book({"phone": next(iter(PATIENTS)), "day": tuesday.isoformat(), "time": TIMES[0]})

    # the clinic

    async def find_patient(self, request: Request) -> Response:
        return JSONResponse({"name": PATIENTS.get(_query(request, "phone"))})

    async def find_free(self, request: Request) -> Response:
        day = _day(_query(request, "day"))
        return JSONResponse({"times": self._free("appointment", day, TIMES)})

    async def find_booking(self, request: Request) -> Response:
        """The caller's next one, `{}` where there is none."""
        phone = _query(request, "phone")
        own = (one for one in self.bookings.values() if one["phone"] == phone)
        return JSONResponse(min(own, key=lambda one: (one["day"], one["time"]), default={}))

    async def add_booking(self, request: Request) -> Response:
        asked = await _body(request, "phone", "day", "time", "dob")
        day = _day(asked["day"]).isoformat()
        if asked["time"] not in TIMES or ("appointment", day, asked["time"]) in self.taken:
            raise HTTPException(409, "that time is taken")
        return JSONResponse(self.book(asked), 201)

    async def remove_booking(self, request: Request) -> Response:
        booking = self.bookings.pop(request.path_params["booking"], None)
        if booking is None:
            raise HTTPException(404, "there is no such booking")
        self.taken.discard(("appointment", booking["day"], booking["time"]))
        return Response(status_code=204)

    def book(self, asked: dict[str, str]) -> dict[str, str]:
        self.taken.add(("appointment", asked["day"], asked["time"]))
        self.made += 1
        booking = {"id": f"b{self.made}", **{name: asked[name] for name in ("phone", "day", "time")}}
        self.bookings[booking["id"]] = booking
        return booking

    # the restaurant

    async def find_tables(self, request: Request) -> Response:
        day, party = _day(_query(request, "day")), _query(request, "party")
        if not party.isdecimal():
            raise HTTPException(400, "party must be a number")
        times = EVENINGS[:1] if int(party) > BIG_PARTY else EVENINGS
        return JSONResponse({"times": self._free("table", day, times)})

    async def add_table(self, request: Request) -> Response:
        asked = await _body(request, "party", "day", "time", "name", "phone", "wishes")
        moment = ("table", _day(asked["day"]).isoformat(), asked["time"])
        if moment[2] not in EVENINGS or moment in self.taken:
            raise HTTPException(409, "that table is taken")
        self.taken.add(moment)
        return JSONResponse({"id": f"t{len(self.taken)}"}, 201)

    # cards

    async def find_card(self, request: Request) -> Response:
        """`{}` where nothing fits: the caller may try again, nothing has failed."""
        asked = await _body(request, "last_four", "born")
        card = CARDS.get((asked["last_four"], asked["born"]))
        state = "active" if card in self.active else "inactive"
        return JSONResponse({"card": card, "state": state} if card else {})

    async def activate_card(self, request: Request) -> Response:
        card = (await _body(request, "card"))["card"]
        if card not in CARDS.values():
            raise HTTPException(404, "there is no such card")
        self.active.add(card)
        return Response(status_code=204)

    def _free(self, kind: str, day: date, times: tuple[str, ...]) -> list[str]:
        if day.toordinal() % FULL_EVERY == 0:
            return []
        return [time for time in times if (kind, day.isoformat(), time) not in self.taken]


def known(today: date) -> list[str]:
    """What there is to ask for, a line each."""
    desk = DemoBackend(today)
    (booking,) = desk.bookings.values()
    days = [today + timedelta(days=ahead) for ahead in range(2 * FULL_EVERY)]
    full = [f"{day:%A %d %B}" for day in days if day.toordinal() % FULL_EVERY == 0]
    return [
        f"Patients: {', '.join(f'{name} ({phone})' for phone, name in PATIENTS.items())}; the first is who calls.",
        f"Her appointment: {date.fromisoformat(booking['day']):%A %d %B} at {booking['time']}.",
        f"Nothing is free on {' and '.join(full)}.",
        *(
            f"A card: {last_four}, born {born}, {'active' if card in ACTIVE else 'not active yet'}."
            for (last_four, born), card in CARDS.items()
        ),
    ]


def demo_backend(today: date) -> Starlette:
    """The application; bookings made before have been on or after `today`."""
    desk = DemoBackend(today)
    routes = [
        Route("/patients", desk.find_patient),
        Route("/free", desk.find_free),
        Route("/bookings", desk.find_booking),
        Route("/bookings", desk.add_booking, methods=["POST"]),
        Route("/bookings/{booking}", desk.remove_booking, methods=["DELETE"]),
        Route("/tables", desk.find_tables),
        Route("/tables", desk.add_table, methods=["POST"]),
        Route("/cards/search", desk.find_card, methods=["POST"]),
        Route("/cards/activations", desk.activate_card, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _refuse})


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


def _query(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise HTTPException(400, f"{name} is missing")
    return value


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise HTTPException(400, "day must be like 2026-11-17") from None


async def _body(request: Request, *names: str) -> dict[str, str]:
    """The values of the JSON object sent under these keys, as text."""
    try:
        found = await request.json()
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found.keys() >= set(names):
        raise HTTPException(400, f"the body must be JSON with {', '.join(names)}")
    return {name: str(found[name]) for name in names}
