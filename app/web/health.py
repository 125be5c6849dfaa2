"""What operators poll: /health, /health/live, /health/ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.ops.health import Health


def health_routes(health: Health, of_all: Callable[[], dict[str, Any]]) -> list[Route]:
    """The three routes; they need no token and tell no caller's data. `of_all` is the report of all workers."""

    async def whole(request: Request) -> JSONResponse:
        report = of_all()
        return JSONResponse(report, 200 if report["status"] in ("healthy", "degraded") else 503)

    async def live(request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> JSONResponse:
        reason = health.not_ready()
        body: dict[str, Any] = {"ready": reason is None, "reason": reason}
        return JSONResponse(body, 503 if reason else 200)

    return [Route("/health", whole), Route("/health/live", live), Route("/health/ready", ready)]
