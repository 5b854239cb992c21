"""The node's side of enrolment: compare the hub with the pin, send the code, install what comes back.

Every failure is one Vietnamese sentence, and everything may be done again after it: nothing changes on this machine
before the whole answer is checked, and a cut at any moment loses nothing.
"""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from broker.contract import ContractError, Identity
from broker.link.config import Settings
from broker.trust.enrolment import DATA, Ask, Welcome, forget, is_pin, prepare, read_code, settle
from broker.trust.keys import IdentityError
from broker.trust.swap import finish_swap

TIMEOUT_S: Final = 20.0
LARGEST_ANSWER: Final = 256 * 1024
DEFAULT_PORT: Final = 8444


class NotEnrolled(Exception):
    """`str()` is one plain Vietnamese sentence: why not, and what to do."""


@dataclass(frozen=True)
class Hub:
    """Where the hub takes codes."""

    host: str
    port: int


class _Refusal(Struct):
    """What the hub says when it does not take a node in."""

    code: str
    text: str


def read_address(text: str) -> Hub:
    """The hub's address as a person types it: `https://HOST`, with or without a port. Raises NotEnrolled."""
    parts = urlsplit(text.strip() if "://" in text else f"https://{text.strip()}")
    try:
        port = parts.port or DEFAULT_PORT
    except ValueError:
        port = 0
    if parts.scheme != "https" or not parts.hostname or not port or parts.path.strip("/"):
        raise NotEnrolled(f"Địa chỉ trung tâm {text!r} chưa đúng, phải có dạng https://TÊN-MÁY:8444.")
    return Hub(parts.hostname, port)


def enrol(
    node: str, address: str, code: str, pin: str, *, keys: Path, folder: Path, data: str = DATA
) -> Welcome | None:
    """Make this machine the node of that name. None: only what an earlier run had begun was completed.

    keys, folder: where its keys and its settings file stand. data: its data folder, unless the settings name one.
    Raises NotEnrolled.
    """
    try:
        if finish_swap(keys):
            return None
        hub, ask_code = read_address(address), read_code(code)
        Identity(node, "node")
        root = _fetch_root(hub, pin)
        requests = prepare(keys, node)
        welcome = _ask(hub, root, Ask(node=node, code=ask_code, requests=requests), keys)
        settle(keys, folder, welcome, pin, data)
    except ContractError as why:
        raise NotEnrolled(
            "Tên điểm gồm 1 đến 32 chữ thường không dấu, chữ số và dấu - ở giữa, như thon-01."
        ) from why
    except IdentityError as why:
        raise NotEnrolled(_sentence(why)) from why
    except OSError as why:
        name = f" {why.filename}" if why.filename else ""
        raise NotEnrolled(
            f"Máy này không ghi được{name}: {why.strerror or why}. Xin sửa rồi chạy lại."
        ) from why
    return welcome


def ask_renewal(settings: Settings, who: Identity, request: str) -> str:
    """The certificate (chain, PEM) that follows this service's present one, which is shown as the proof.

    Raises NotEnrolled; trying again later may help.
    """
    keys, parts = settings.keys_dir, urlsplit(settings.device_port.url)
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(keys / "ca.pem"))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(str(keys / f"{who.service}.pem"), str(keys / f"{who.service}.key"))
    except OSError as why:
        raise NotEnrolled(f"Không đọc được khoá của {who}: {why}.") from why
    hub = Hub(parts.hostname or "", parts.port or 443)
    status, body = _talk(hub, context, "POST", "/certificate", request.encode())
    text = body.decode("utf-8", "replace")
    if status != 200:
        raise NotEnrolled(text[:300] or f"Trung tâm trả lời mã {status}.")
    return text


def _fetch_root(hub: Hub, pin: str) -> bytes:
    """The root certificate that the pin names. Before this nothing of ours is told to whoever answers."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the pin decides, on the next line but one
    _, root = _talk(hub, context, "GET", "/root", b"")
    try:
        is_right = is_pin(pin, root)
    except IdentityError as why:
        raise NotEnrolled(
            f"{hub.host}:{hub.port} không phải trung tâm Làng Số. Xin xem lại địa chỉ."
        ) from why
    if not is_right:
        raise NotEnrolled(
            "Dấu nhận dạng của trung tâm không khớp với lệnh. Máy chưa gửi mã đi đâu cả: "
            "xin chép lại cả dòng lệnh; nếu vẫn vậy, báo người quản trị vì có thể có máy giả."
        )
    return root


def _ask(hub: Hub, root: bytes, ask: Ask, keys: Path) -> Welcome:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=root.decode("ascii", "replace"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    status, body = _talk(hub, context, "POST", "/enrol", msgspec.json.encode(ask))
    try:
        if status == 200:
            return msgspec.json.decode(body, type=Welcome)
        refusal = msgspec.json.decode(body, type=_Refusal)
    except msgspec.DecodeError as why:
        raise NotEnrolled(
            f"Trung tâm trả lời không đọc được (mã {status}). Xin thử lại sau một phút."
        ) from why
    if refusal.code == "keys-used":
        forget(keys)
    raise NotEnrolled(refusal.text)


def _talk(hub: Hub, context: ssl.SSLContext, verb: str, path: str, body: bytes) -> tuple[int, bytes]:
    """One request on a connection of its own. Raises NotEnrolled."""
    where = f"{hub.host}:{hub.port}"
    line = http.client.HTTPSConnection(hub.host, hub.port, timeout=TIMEOUT_S, context=context)
    try:
        line.request(verb, path, body or None, {"Content-Type": "application/json"} if body else {})
        answer = line.getresponse()
        found = answer.read(LARGEST_ANSWER)
        if answer.length:  # read() with a limit does not mind an answer that was cut
            raise http.client.IncompleteRead(found, answer.length)
        return answer.status, found
    except ssl.SSLCertVerificationError as why:
        raise NotEnrolled(
            f"Chứng thư của {where} không khớp địa chỉ hoặc không phải của xã này "
            f"({why.verify_message}). Xin dùng đúng địa chỉ ghi trên trang Điểm và máy."
        ) from why
    except (OSError, http.client.HTTPException) as why:
        raise NotEnrolled(
            f"Không nói chuyện được với trung tâm ở {where} ({why}). Xin xem dây mạng, địa chỉ, rồi chạy lại: "
            "mã vẫn còn dùng được."
        ) from why
    finally:
        line.close()


def _sentence(why: IdentityError) -> str:
    text = str(why)
    if "is not a code" in text:
        return "Mã gồm 8 chữ và số, như ABCD-1234. Xin chép lại mã trên trang Điểm và máy."
    return f"Máy chưa nhận được chứng thư ({text}). Xin lấy mã mới rồi chạy lại."
