from __future__ import annotations

import pytest

from app.simulator.target import local_url


@pytest.mark.parametrize(("port", "url"), [("8123", "http://127.0.0.1:8123"), ("", "http://127.0.0.1:8000")])
def test_the_server_that_the_same_environment_starts_is_called(
    port: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", port)
    assert local_url() == url
