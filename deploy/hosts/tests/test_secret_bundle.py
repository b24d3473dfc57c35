import os
import ssl
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.hosts import certificates, secret_bundle
from deploy.hosts.cluster import Cluster, Refused, parse_hosts
from deploy.hosts.secret_bundle import Bundle

KEY = "k" * 32


def test_a_bundle_goes_from_host_to_host_in_a_file_for_its_owner_alone(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "secrets.tar.gz"
    secret_bundle.write(bundle, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret_bundle.read(path) == bundle


def test_a_bundle_that_others_may_read_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "secrets.tar.gz"
    secret_bundle.write(bundle, path)
    path.chmod(0o640)
    with pytest.raises(Refused, match="open to others"):
        secret_bundle.read(path)


def test_a_bundle_that_lacks_something_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "secrets.tar.gz"
    secret_bundle.write(Bundle({key: text for key, text in bundle.texts.items() if key != "host3.key"}), path)
    with pytest.raises(Refused, match=r"lacks host3\.key"):
        secret_bundle.read(path)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secrets.tar.gz"
    path.write_text("something else")
    path.chmod(0o600)
    with pytest.raises(Refused, match="can't be read"):
        secret_bundle.read(path)
    with pytest.raises(Refused, match="can't be read"):
        secret_bundle.read(tmp_path / "nowhere")


def test_a_bundle_of_other_hosts_is_refused(bundle: Bundle) -> None:
    with pytest.raises(Refused, match=r"made for HOSTS=192\.0\.2\.1"):
        bundle.require(parse_hosts("192.0.2.1,192.0.2.2,192.0.2.4"))


def test_no_password_is_another_ones(bundle: Bundle) -> None:
    passwords = {bundle.password(name) for name in secret_bundle.PASSWORDS}
    assert len(passwords) == len(secret_bundle.PASSWORDS)


def test_a_certificate_is_for_its_host_and_lasts_for_two_years(bundle: Bundle, cluster: Cluster) -> None:
    certificate, _ = bundle.certificate(cluster.host(2))
    left = certificates.ends_at(certificate) - datetime.now(UTC)
    assert timedelta(days=824) < left <= timedelta(days=825)


def test_renewed_certificates_are_by_the_same_authority(bundle: Bundle, cluster: Cluster) -> None:
    """Hosts with old ones and hosts with new ones go on talking to one another."""
    renewed = secret_bundle.renew_certificates(bundle, cluster)
    assert renewed.authority == bundle.authority
    assert renewed.certificate(cluster.host(1)) != bundle.certificate(cluster.host(1))
    assert renewed.password("bookstore") == bundle.password("bookstore")


def test_renewed_passwords_leave_the_stores_own_secrets(bundle: Bundle) -> None:
    """With another secret key, order ids would be others."""
    renewed = secret_bundle.renew_passwords(bundle)
    assert renewed.password("bookstore") != bundle.password("bookstore")
    assert renewed.texts["secret-key"] == bundle.texts["secret-key"]
    assert renewed.texts["ca.crt"] == bundle.texts["ca.crt"]


def test_a_secret_key_that_was_restored_is_taken_over_and_nothing_else(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text(f"{KEY}\n")
    taken = secret_bundle.take_secret_key(bundle, tmp_path / "secret-key")
    assert {**taken.texts, "secret-key": bundle.texts["secret-key"]} == bundle.texts
    assert taken.texts["secret-key"] == f"{KEY}\n"
    with pytest.raises(Refused, match="no secret key of a store here"):
        secret_bundle.take_secret_key(bundle, tmp_path / "elsewhere")


@pytest.mark.parametrize("content", [b"", KEY[1:].encode() + b"\n", KEY.encode() + b"\xff"])
def test_a_secret_key_with_which_no_store_would_start_is_refused(
    bundle: Bundle, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "secret-key").write_bytes(content)
    with pytest.raises(Refused, match="no secret key"):
        secret_bundle.take_secret_key(bundle, tmp_path / "secret-key")


def test_a_secret_key_is_taken_from_no_other_place_to_which_the_store_could_lead(
    bundle: Bundle, tmp_path: Path
) -> None:
    """Root asks, and the folder is the store's."""
    (tmp_path / "of-root").write_text(KEY)
    (tmp_path / "secret-key").symlink_to(tmp_path / "of-root")
    with pytest.raises(Refused, match="no secret key"):
        secret_bundle.take_secret_key(bundle, tmp_path / "secret-key")
    (tmp_path / "secret-key").unlink()
    os.mkfifo(tmp_path / "secret-key")
    with pytest.raises(Refused, match="no secret key"):
        secret_bundle.take_secret_key(bundle, tmp_path / "secret-key")


def test_a_bundle_holds_small_plain_files(bundle: Bundle, tmp_path: Path) -> None:
    secret_bundle.write(bundle, tmp_path / "secrets.tar.gz")
    with tarfile.open(tmp_path / "secrets.tar.gz") as archive:
        assert all(member.isfile() and member.mode == 0o600 for member in archive.getmembers())


def test_the_authority_is_one_that_pythons_tls_takes(bundle: Bundle) -> None:
    context = ssl.create_default_context(cadata=bundle.authority[0])
    assert context.cert_store_stats()["x509_ca"] == 1
