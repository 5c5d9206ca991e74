"""
What a fetch came to, as one JSON document.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from .charset import decode
from .connection import ends
from .itemtypes import Kind
from .menu import Item
from .response import Response
from .url import GopherURL


def document(
    url: GopherURL | str,
    response: Response | None,
    data: bytes,
    error: str | None,
    seconds: float,
) -> str:
    """
    One line of ASCII: whatever a server sent, it can drive no terminal.

    @param url: the text that was given, where it is no URL.
    @param response: C{None} where nothing was connected.
    @param data: the bytes that came.
    @param error: what went wrong, or what the server said did.
    @param seconds: how long it took, where there is no response to say so.
    """
    verdict = response.verdict if response else None
    content = _content(response, data) if response and (data or error is None) else {}
    known = {
        "url": str(url),
        "type": url.type if isinstance(url, GopherURL) else None,
        "verdict": verdict.name if verdict else None,
        "reason": verdict.reason if verdict else None,
        "bytes": len(data),
        "seconds": round(response.seconds if response else seconds, 6),
        "local": ends(response.local) if response else None,
        "remote": ends(response.remote) if response else None,
        "charset": response.charset if response else None,
        "error": error,
    }
    return json.dumps(known | content)


def _content(response: Response, data: bytes) -> dict[str, Any]:
    """
    The body, as what it is. It sets the response's charset.
    """
    if response.kind is Kind.TEXT:
        return {"text": response.asText(data)}
    if response.kind is Kind.BINARY:
        response.charset = None
        return {"data_base64": base64.b64encode(data).decode()}
    items = response.asMenu(data)
    return {"items": [_item(each, response.url, response.charset or "utf-8") for each in items]}


def _item(item: Item, base: GopherURL, charset: str) -> dict[str, Any]:
    return {
        "type": item.type,
        "text": decode(item.display, charset),
        "selector": decode(item.selector, charset),
        "host": item.host,
        "port": item.port,
        "url": item.address(base),
    }
