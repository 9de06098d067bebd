"""deploy/first_run.py, as an operator runs it."""

import shutil
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.stacks import ROOT

_PROGRAM: Final = ROOT / "deploy" / "first_run.py"

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def run(folder: Path, *arguments: str, umask: int = -1) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(_PROGRAM), "--folder", str(folder), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, umask=umask, stdin=subprocess.DEVNULL, timeout=60
    )


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_it_makes_secrets_that_only_the_owner_of_the_folder_reaches(tmp_path: Path):
    assert run(tmp_path).returncode == 0
    made = contents(tmp_path / "secrets")
    assert len(made["jwt_secret"]) == 64
    assert made["db_url"] == f"postgresql://deeper:{made['postgres_password']}@postgres/deeper?sslmode=disable"
    assert f"requirepass {made['redis_password']}\n" in made["redis_conf"]
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    # Users in containers are others, and have single files of it.
    assert stat.S_IMODE((tmp_path / "secrets" / "jwt_secret").stat().st_mode) == 0o444


@pytest.mark.parametrize("umask", [0, 0o077])
def test_nginx_reaches_the_certificate_and_nobody_else_the_rest_whoever_made_the_folder(tmp_path: Path, umask: int):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets").chmod(0o777)
    assert run(tmp_path, umask=umask).returncode == 0
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "secrets" / "tls").stat().st_mode) == 0o755
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "secrets").rglob("*") if file.is_file()} == {
        0o444
    }


def test_another_name_comes_too_late_and_that_is_said(tmp_path: Path):
    run(tmp_path)
    said = run(tmp_path, "--name", "chat.example.com").stdout
    assert "stays" in said
    assert "tls.crt" in said
    assert "stays" not in run(tmp_path).stdout


@pytest.mark.parametrize(
    "name", ["https://chat.example.com", "chat.example.com:443", "a,DNS:b", "a b", "", "münchen.de"]
)
def test_what_is_no_name_is_refused_before_anything_is_made(tmp_path: Path, name: str):
    done = run(tmp_path, "--name", name)
    assert (done.returncode, "neither a name nor an address" in done.stderr) == (2, True)
    assert not list(tmp_path.iterdir())


def test_it_leaves_alone_what_is_there(tmp_path: Path):
    run(tmp_path)
    before = contents(tmp_path)
    again = run(tmp_path, "--name", "other.example.com")
    assert again.returncode == 0
    assert contents(tmp_path) == before


def test_what_was_lost_is_made_anew_to_fit_the_rest(tmp_path: Path):
    run(tmp_path)
    before = contents(tmp_path)
    (tmp_path / "secrets" / "db_url").unlink()
    (tmp_path / "secrets" / "redis_conf").unlink()
    run(tmp_path)
    assert contents(tmp_path) == before


def test_two_runs_make_different_secrets(tmp_path: Path):
    made: list[dict[str, str]] = []
    for name in ("one", "other"):
        run(tmp_path / name)
        made.append(contents(tmp_path / name / "secrets"))
    assert not [name for name in made[0] if made[0][name] == made[1][name]]


def test_its_certificate_is_for_the_names_that_were_given(tmp_path: Path):
    run(tmp_path, "--name", "chat.example.com", "--name", "192.0.2.1")
    tls = tmp_path / "secrets" / "tls"
    ssl.create_default_context().load_cert_chain(tls / "tls.crt", tls / "tls.key")
    said = subprocess.run(
        ["openssl", "x509", "-in", str(tls / "tls.crt"), "-noout", "-ext", "subjectAltName,extendedKeyUsage"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "DNS:chat.example.com, IP Address:192.0.2.1" in said
    assert "TLS Web Server Authentication" in said


def test_a_real_certificate_takes_the_place_of_the_first_one(tmp_path: Path):
    run(tmp_path)
    run(tmp_path / "authority", "--name", "chat.example.com")
    theirs = tmp_path / "authority" / "secrets" / "tls"
    done = run(tmp_path, "--certificate", str(theirs / "tls.crt"), "--key", str(theirs / "tls.key"))
    assert done.returncode == 0
    assert "nginx -s reload" in done.stdout
    assert contents(tmp_path / "secrets" / "tls") == contents(theirs)


def test_a_certificate_of_another_key_is_refused(tmp_path: Path):
    run(tmp_path)
    before = contents(tmp_path)
    run(tmp_path / "other")
    theirs = tmp_path / "other" / "secrets" / "tls" / "tls.crt"
    done = run(tmp_path, "--certificate", str(theirs), "--key", str(tmp_path / "secrets" / "tls" / "tls.key"))
    assert (done.returncode, done.stdout.count("in place")) == (1, 0)
    assert "does not belong" in done.stderr
    assert {name: text for name, text in contents(tmp_path).items() if not name.startswith("other")} == before


def test_what_is_no_certificate_or_no_open_key_is_refused_in_words(tmp_path: Path):
    run(tmp_path)
    tls = tmp_path / "secrets" / "tls"
    before = contents(tls)
    locked, expired, nothing = tmp_path / "locked", tmp_path / "expired", tmp_path / "nothing"
    openssl = ["openssl", "pkey", "-in", str(tls / "tls.key"), "-aes256", "-passout", "pass:x", "-out", str(locked)]
    subprocess.run(openssl, check=True, capture_output=True)
    signed = ["-key", str(tls / "tls.key"), "-subj", "/CN=x", "-out", str(tmp_path / "request")]
    subprocess.run(["openssl", "req", "-new", *signed], check=True, capture_output=True)
    old = ["-in", str(tmp_path / "request"), "-signkey", str(tls / "tls.key"), "-days", "-1", "-out", str(expired)]
    subprocess.run(["openssl", "x509", "-req", *old], check=True, capture_output=True)
    nothing.write_bytes(b"\xff\x00")
    for certificate, key, why in (
        (tls / "tls.crt", locked, "takes a password"),
        (expired, tls / "tls.key", "expired"),
        (nothing, tls / "tls.key", "no certificate"),
        (tls / "tls.crt", nothing, "no key"),
        (tmp_path / "missing", tls / "tls.key", "No such file"),
    ):
        done = run(tmp_path, "--certificate", str(certificate), "--key", str(key))
        assert (done.returncode, why in done.stderr, "Traceback" in done.stderr) == (1, True, False), done.stderr
    assert contents(tls) == before
