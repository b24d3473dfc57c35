"""Commands of the store's own on a host: with the settings that its nodes have."""

import argparse
import pwd
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.hosts import __main__ as program
from deploy.hosts import host, secret_bundle
from deploy.hosts.carrying_out import managing
from deploy.hosts.cluster import Cluster, Refused
from deploy.hosts.parts import Part, Places
from deploy.hosts.secret_bundle import Bundle


def test_a_command_has_the_nodes_user_folder_and_settings(parts: tuple[Part, ...], tmp_path: Path) -> None:
    user = pwd.getpwuid(0).pw_name
    store = replace(next(part for part in parts if part.name == "store"), user=user, folder=tmp_path)
    (tmp_path / "environment").write_text('BOOKSTORE_HOST="1"\nBOOKSTORE_ALLOWED_HOSTS="a"\n')
    (tmp_path / "environment.local").write_text("BOOKSTORE_ALLOWED_HOSTS=shop.example\n")
    called, given = managing(store, ["backup", "monday.tar"])
    assert called[: called.index("env")] == ["setpriv", "--reuid=root", "--regid=0", "--init-groups"]
    assert called[called.index("env") :] == [
        *("env", "-C", "/var/lib/bookstore/store", *store.command[:2], "backup", "monday.tar")
    ]
    assert given == {"PATH": "/usr/bin:/bin", "BOOKSTORE_HOST": "1", "BOOKSTORE_ALLOWED_HOSTS": "shop.example"}


def test_the_third_host_says_that_it_has_no_store(
    cluster: Cluster, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(configuration=tmp_path)
    monkeypatch.setattr(program, "PLACES", places)
    monkeypatch.setattr(host, "this_one", lambda known: known.host(3))
    secret_bundle.write(bundle, places.bundle)
    with pytest.raises(Refused, match="one of the other two"):
        program.manage(argparse.Namespace(command="audit"))
