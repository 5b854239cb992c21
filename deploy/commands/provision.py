"""`langso provision`: makes a real commune, its nodes, accounts and trust list. docs/INSTALL.md walks through it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from deploy.commands import account, trust

FOLDER = Path("/etc/langso")


def add(commands: Any) -> None:
    """Declare the commands."""
    provision = commands.add_parser(
        "provision", help="make a commune, a node's code, an account; sign the trust list"
    )
    parts = provision.add_subparsers(metavar="WHAT", required=True)
    _add_commune(parts)
    _add_code(parts)
    _add_issuing(parts)
    account.add_to(parts, _carefully)
    trust.add_to(parts, _carefully)
    _add_token(parts)
    broker = parts.add_parser(
        "broker", help="make Mosquitto's configuration and rights again from what is there"
    )
    broker.set_defaults(act=_broker_again)
    revoked = parts.add_parser(
        "crl", help="sign the list of revoked certificates again, at once: when it has expired nobody gets in"
    )
    revoked.set_defaults(act=_crl)
    content = parts.add_parser(
        "content", help="give the hub the procedures of this release; what the commune approved stays"
    )
    content.set_defaults(act=_content)
    villages = parts.add_parser(
        "villages", help="tell the hub its villages: a TOML file with [[village]] tables"
    )
    villages.add_argument("file", type=Path, metavar="FILE")
    villages.set_defaults(act=_villages)
    for each in parts.choices.values():
        each.add_argument("--dir", type=Path, default=FOLDER, metavar="DIR", help=f"default {FOLDER}")


def _add_commune(parts: Any) -> None:
    commune = parts.add_parser("commune", help="root key, the hub's keys and settings, the broker's rights")
    commune.add_argument("--province", required=True, metavar="CODE", help="digits")
    commune.add_argument("--commune", required=True, metavar="CODE", help="digits")
    commune.add_argument("--name", required=True, metavar="NAME", help='as on screens: "xã Vân Khê"')
    commune.add_argument(
        "--host", required=True, metavar="HOST", help="name or address of the hub as nodes see it"
    )
    commune.add_argument("--broker-port", type=int, default=8883, metavar="PORT")
    commune.add_argument(
        "--hub-port",
        type=int,
        default=8884,
        metavar="PORT",
        help="the broker's, for the hub alone (loopback)",
    )
    commune.add_argument("--device-port", type=int, default=8443, metavar="PORT")
    commune.add_argument("--enrolment-port", type=int, default=8444, metavar="PORT")
    commune.add_argument("--data", default="/var/lib/langso", metavar="DIR", help="the hub's data folder")
    commune.add_argument("--passphrase-file", type=Path, metavar="FILE", help="else it is asked for")
    commune.set_defaults(act=_commune)


def _add_code(parts: Any) -> None:
    code = parts.add_parser(
        "code", help="a code by which a cultural house's machine fetches its certificates"
    )
    code.add_argument("name", metavar="NAME", help="thon-01")
    code.add_argument("--village", required=True, metavar="CODE")
    code.add_argument(
        "--label", default="", metavar="TEXT", help="default: Nhà văn hoá and the village's name"
    )
    code.add_argument(
        "--again", action="store_true", help="also when it holds certificates: they are replaced"
    )
    code.set_defaults(act=_code)


def _add_issuing(parts: Any) -> None:
    issuing = parts.add_parser("issuing", help="a new issuing key for the hub, signed by the root key")
    issuing.add_argument("--passphrase-file", type=Path, metavar="FILE", help="else it is asked for")
    issuing.set_defaults(act=_issuing)


def _add_token(parts: Any) -> None:
    token = parts.add_parser(
        "token", help="a token for a program that writes readings by the Influx protocol, shown once"
    )
    token.add_argument("name", metavar="NAME", help="tram-mua")
    token.add_argument("--revoke", action="store_true", help="end it: nobody writes with it any more")
    token.set_defaults(act=_token)
    listed = parts.add_parser("tokens", help="which programs may write readings, and which no longer may")
    listed.set_defaults(act=_tokens)


def _commune(chosen: argparse.Namespace) -> int:
    return _carefully(_make_commune, chosen)


def _code(chosen: argparse.Namespace) -> int:
    return _carefully(_make_code, chosen)


def _issuing(chosen: argparse.Namespace) -> int:
    return _carefully(_make_issuing, chosen)


def _token(chosen: argparse.Namespace) -> int:
    return _carefully(_make_token, chosen)


def _tokens(chosen: argparse.Namespace) -> int:
    return _carefully(_list_tokens, chosen)


def _villages(chosen: argparse.Namespace) -> int:
    return _carefully(_put_villages, chosen)


def _content(chosen: argparse.Namespace) -> int:
    return _carefully(_give_content, chosen)


def _crl(chosen: argparse.Namespace) -> int:
    return _carefully(_make_list, chosen)


def _broker_again(chosen: argparse.Namespace) -> int:
    return _carefully(_make_broker, chosen)


def _carefully(act: Any, chosen: argparse.Namespace) -> int:
    """Run one command; every expected failure becomes its sentences and exit 1."""
    from broker.contract import ContractError
    from broker.hub.declined import Declined
    from broker.hub.records import DatabaseError
    from broker.link.config import SettingsError
    from broker.trust.keys import IdentityError
    from deploy.provision import ProvisionError
    from deploy.terminal import say_error

    try:
        act(chosen)
    except SettingsError as why:
        for line in why.lines:
            say_error(line)
        return 78
    except (ContractError, Declined, DatabaseError, IdentityError, ProvisionError, OSError) as why:
        say_error(str(why))
        return 1
    return 0


def _passphrase(chosen: argparse.Namespace, *, twice: bool) -> str:
    from getpass import getpass

    from deploy.provision import ProvisionError

    if chosen.passphrase_file is not None:
        return str(chosen.passphrase_file.read_text(encoding="utf-8")).strip()
    first = getpass("Passphrase of the commune's root key: ")
    if twice and getpass("Once more: ") != first:
        raise ProvisionError("the two passphrases differ; nothing was made")
    return first


def _make_commune(chosen: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from deploy import enrol, provision
    from deploy.terminal import put

    layout = provision.Layout(chosen.dir)
    facts = provision.CommuneFacts(
        chosen.province,
        chosen.commune,
        chosen.name,
        chosen.host,
        chosen.broker_port,
        chosen.device_port,
        enrolment_port=chosen.enrolment_port,
        hub_port=chosen.hub_port,
    )
    own = {"machine": {"data": str(Path(chosen.data).resolve())}}
    commune = provision.make_commune(layout, facts, _passphrase(chosen, twice=True), own)
    enrol.set_shipped_content(layout)
    enrol.sign_first_list(layout, commune, datetime.now(UTC))
    put(f"{layout.hub}: what the hub needs; {layout.commune}: the root key, keep it offline and a copy apart")
    put(f"pin of this commune: {enrol.pin_of(layout)}")
    _broker(layout, facts)


def _broker(layout: Any, facts: Any, *, anew: bool = False) -> None:
    from deploy import provision
    from deploy.terminal import put

    try:
        put(
            f"{provision.write_broker(layout, facts, anew=anew)}: Mosquitto's configuration; "
            "restart Mosquitto to use it"
        )
    except FileNotFoundError as why:
        put(f"Mosquitto's configuration is not made yet: {why}")


def _make_broker(chosen: argparse.Namespace) -> None:
    from deploy import provision

    layout = provision.Layout(chosen.dir)
    _broker(layout, provision.facts_of(layout), anew=True)


def _make_list(chosen: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from broker.hub.keys import crl
    from broker.link.config import load
    from broker.trust.enrolment import SETTINGS_FILE
    from deploy import enrol, provision
    from deploy.terminal import put

    layout = provision.Layout(chosen.dir)
    settings = load(layout.hub / SETTINGS_FILE)
    with enrol.hub_records(layout) as database:
        try:
            until = crl.renew(settings, database, datetime.now(UTC))
        except crl.NotTold as why:
            raise provision.ProvisionError(
                f"{why}; the list is signed: start the broker again to use it"
            ) from why
    put(
        f"{settings.keys_dir / crl.FILE}: good until {until.astimezone():%Y-%m-%d %H:%M}; the broker reads it now"
    )


def _give_content(chosen: argparse.Namespace) -> None:
    from deploy import enrol, provision
    from deploy.terminal import put

    enrol.set_shipped_content(provision.Layout(chosen.dir))
    put("the procedures of this release are the hub's now; screens get them within a minute")


def _make_code(chosen: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from deploy import enrol, provision
    from deploy.terminal import put

    layout = provision.Layout(chosen.dir)
    with enrol.hub_records(layout) as database, database.session() as db:
        order, until = enrol.make_code(
            db, layout, chosen.name, chosen.village, chosen.label, datetime.now(UTC), again=chosen.again
        )
    put(f"On {chosen.name}, before {until.astimezone():%H:%M} (shown only now):")
    put(f"  {order}")


def _make_issuing(chosen: argparse.Namespace) -> None:
    from broker.trust.identity import open_commune
    from deploy import enrol, provision
    from deploy.terminal import put

    layout = provision.Layout(chosen.dir)
    commune = open_commune(layout.commune, _passphrase(chosen, twice=False))
    enrol.replace_issuing(layout, commune)
    put(f"{layout.hub / 'keys'}: a new issuing key; restart the hub's services and Mosquitto to use it")


def _make_token(chosen: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from broker.hub import tokens
    from deploy import enrol, provision
    from deploy.terminal import put

    layout = provision.Layout(chosen.dir)
    now = datetime.now(UTC)
    with enrol.hub_records(layout) as database, database.session() as db:
        if chosen.revoke:
            tokens.revoke_token(db, chosen.name, now, "provision")
            said = f"{chosen.name}: revoked"
        else:
            secret = tokens.make_token(db, chosen.name, now, "provision")
            said = f"{chosen.name}: token {secret} (shown only now)"
    put(said)


def _list_tokens(chosen: argparse.Namespace) -> None:
    from broker.hub import tokens
    from deploy import enrol, provision
    from deploy.terminal import put

    with enrol.hub_records(provision.Layout(chosen.dir)) as database, database.reading() as db:
        for each in tokens.all_tokens(db):
            end = "in use" if each.revoked_at is None else f"revoked {each.revoked_at:%Y-%m-%d %H:%M} UTC"
            put(f"{each.name}: made {each.made_at:%Y-%m-%d %H:%M} UTC by {each.made_by}, {end}")


def _put_villages(chosen: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from deploy import enrol, provision
    from deploy.terminal import put

    layout = provision.Layout(chosen.dir)
    rows, river = enrol.read_villages(chosen.file)
    with enrol.hub_records(layout) as database, database.session() as db:
        enrol.put_villages(db, rows, datetime.now(UTC), river)
    put(f"{chosen.file}: {len(rows)} villages known to the hub")
