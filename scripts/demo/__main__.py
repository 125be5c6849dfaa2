"""`scripts/demo-backend`: the demo services on this machine alone, until Ctrl-C."""

from __future__ import annotations

from datetime import date

import click
import uvicorn

from scripts.demo.service import demo_backend, known

HOST = "127.0.0.1"
APIS = ("CLINIC_API", "RESTAURANT_API", "CARD_API")


@click.command()
@click.option("--port", default=9000, show_default=True, type=click.IntRange(1, 65535))
def serve(port: int) -> None:
    """Serve what the shipped flows ask, with invented data that is forgotten at the end."""
    address = f"{HOST}:{port}"
    variables = " ".join(f"{name}=http://{address}" for name in APIS)
    click.echo(
        f"On http://{address}. Start callrelay with\n\n  HTTP_ALLOW={address} {variables} scripts/serve\n"
    )
    click.echo("\n".join(known(date.today())))
    uvicorn.run(demo_backend(date.today()), host=HOST, port=port, log_level="warning")


if __name__ == "__main__":
    serve()
