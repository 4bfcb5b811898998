from __future__ import annotations

import json
import stat
from pathlib import Path

from tasks_app.embedded import SOCKET_PATH_BYTES, EmbeddedValkey, discover, generated_secret, socket_path


def test_the_generated_secret_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"

    first = generated_secret(path)

    assert generated_secret(path) == first
    assert len(first) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_deep_data_directory_gets_a_short_socket_path(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["directory"] * 12)

    assert socket_path(Path("/srv/deck")) == Path("/srv/deck/valkey.sock")
    assert len(str(socket_path(deep))) <= SOCKET_PATH_BYTES


def test_a_running_valkey_is_discovered_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["directory"] * 12)
    deep.mkdir(parents=True)
    valkey = EmbeddedValkey(deep)
    assert discover(deep) is None

    valkey.start()
    try:
        assert discover(deep) == valkey.url
        assert stat.S_IMODE(valkey.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(valkey.socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((deep / "embedded.json").stat().st_mode) == 0o600
    finally:
        valkey.stop()

    assert discover(deep) is None
    assert not valkey.socket.exists()


def test_a_leftover_entry_of_a_dead_valkey_is_ignored(tmp_path: Path) -> None:
    entry = {"url": "unix:///gone", "socket": str(tmp_path / "gone.sock"), "pid": 1}
    (tmp_path / "embedded.json").write_text(json.dumps(entry))

    assert discover(tmp_path) is None
