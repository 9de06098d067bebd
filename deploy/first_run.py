"""Makes what the stack needs once: secrets, a certificate, and ``deploy/.env``. What is there already stays.

``python3 deploy/first_run.py --name chat.example.com`` needs Python 3.11 or newer and the command ``openssl``. With
``--certificate`` and ``--key`` it takes a certificate that you have, now or whenever it was renewed.
"""

import argparse
import ipaddress
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent
# The folder is its owner's; what is in it may be read by everybody, for the users in containers are others.
_FOLDER_MODE, _OPEN_FOLDER_MODE, _FILE_MODE = 0o700, 0o755, 0o444
_DAYS: Final = 397  # as long as browsers accept
_NAME: Final = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_RELOAD: Final = "docker compose -f deploy/compose.yaml exec nginx nginx -s reload"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is missing, and say what was done."""
    options = _parser().parse_args(arguments)
    if bool(options.certificate) != bool(options.key):
        return _refuse("--certificate and --key belong together.")
    if shutil.which("openssl") is None:
        return _refuse("This needs the command openssl.")
    try:
        return _make(options.folder, options.name, options.certificate, options.key)
    except OSError as error:
        return _refuse(str(error))


def _make(folder: Path, names: Sequence[str] | None, certificate: Path | None, key: Path | None) -> int:
    tls = folder / "secrets" / "tls"
    tls.mkdir(parents=True, exist_ok=True)
    # Said expressly, whatever the umask was, and whoever made them.
    tls.parent.chmod(_FOLDER_MODE)
    tls.chmod(_OPEN_FOLDER_MODE)
    made = _make_secrets(tls.parent)
    if not (folder / ".env").exists():
        shutil.copyfile(_FOLDER / ".env.example", folder / ".env")
        made.append(".env")
    print("Made:", ", ".join(made) if made else "nothing, all secrets were there")
    if certificate and key:
        return _take(tls, certificate, key)
    if not (tls / "tls.crt").exists():
        return _sign(tls, names or ["localhost"])
    if names:
        print(f"The certificate that is there stays. For another one, remove {tls / 'tls.crt'} and come again.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make secrets and a certificate for deploy/compose.yaml.")
    parser.add_argument(
        "--name", action="append", type=_name, help="name or address of the server, for the certificate (localhost)"
    )
    parser.add_argument("--certificate", type=Path, help="a real certificate, with its chain, in PEM")
    parser.add_argument("--key", type=Path, help="its key, in PEM")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="where compose.yaml is")
    return parser


def _name(text: str) -> str:
    """Return the name or address of a server that ``text`` is.

    Raises:
        ArgumentTypeError: it is more than that, or something else.
    """
    if not _NAME.fullmatch(text) and not _is_address(text):
        raise argparse.ArgumentTypeError(f"neither a name nor an address: {text}")
    return text


def _make_secrets(folder: Path) -> list[str]:
    database, cache = _secret(folder, "postgres_password"), _secret(folder, "redis_password")
    conf = f'requirepass {cache}\nbind 0.0.0.0\nsave ""\nappendonly no\nmaxmemory 192mb\nmaxmemory-policy noeviction\n'
    wanted = {
        "postgres_password": database,
        "db_url": f"postgresql://deeper:{database}@postgres/deeper?sslmode=disable",
        "redis_password": cache,
        "redis_url": f"redis://:{cache}@redis:6379/0",
        "redis_conf": conf,
        "jwt_secret": secrets.token_hex(32),
        "grafana_password": secrets.token_urlsafe(18),
    }
    missing = [name for name in wanted if not (folder / name).exists()]
    for name in missing:
        _write(folder / name, wanted[name])
    return missing


def _secret(folder: Path, name: str) -> str:
    """Return the secret that is there, or a new one."""
    file = folder / name
    return file.read_text(encoding="ascii").strip() if file.exists() else secrets.token_hex(24)


def _write(file: Path, text: str) -> None:
    """Write the file in one step: whoever reads it meanwhile has the old one."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    new.write_text(text, encoding="utf-8")
    new.chmod(_FILE_MODE)
    new.replace(file)


def _take(tls: Path, certificate: Path, key: Path) -> int:
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in (certificate, key)]
    of_certificate = _openssl("x509", "-in", str(certificate), "-noout", "-pubkey")
    if of_certificate is None:
        return _refuse(f"There is no certificate in {certificate}, or not in PEM.")
    of_key = _openssl("pkey", "-in", str(key), "-pubout", "-passin", "pass:")  # without asking for a password
    if of_key is None:
        return _refuse(f"There is no key in {key}, or not in PEM, or it takes a password, which nginx would not know.")
    if of_certificate != of_key:
        return _refuse("That certificate does not belong to that key.")
    if _openssl("x509", "-in", str(certificate), "-noout", "-checkend", "0") is None:
        return _refuse("That certificate has expired.")
    _write(tls / "tls.key", texts[1])
    _write(tls / "tls.crt", texts[0])
    print(f"The certificate is in place. If nginx runs already: {_RELOAD}")
    return 0


def _sign(tls: Path, names: Sequence[str]) -> int:
    """Make a certificate by nobody else's word."""
    key, certificate = tls / ".tls.key.made", tls / ".tls.crt.made"
    alternatives = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)
    made = _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", str(_DAYS), "-subj", f"/CN={names[0][:64]}", "-addext", f"subjectAltName={alternatives}"),
        *("-addext", "extendedKeyUsage=serverAuth", "-keyout", str(key), "-out", str(certificate)),
    )
    if made is None:
        return _refuse("openssl could not make the certificate.")
    for made_file, name in ((key, "tls.key"), (certificate, "tls.crt")):
        _write(tls / name, made_file.read_text(encoding="utf-8"))
        made_file.unlink()
    print(
        f"Made a certificate for {', '.join(names)} that nobody vouches for: browsers will warn. For a real one, from "
        "Let's Encrypt for example:\n"
        f"    python3 deploy/first_run.py --certificate fullchain.pem --key privkey.pem\n    {_RELOAD}\n"
        "and again whenever it was renewed. Its name has to lead to this machine."
    )
    return 0


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _openssl(*arguments: str) -> str | None:
    """Return what openssl writes; None if it fails."""
    done = subprocess.run(("openssl", *arguments), capture_output=True, text=True, check=False)  # noqa: S603, S607  - fixed, and found on PATH
    return done.stdout if done.returncode == 0 else None


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
