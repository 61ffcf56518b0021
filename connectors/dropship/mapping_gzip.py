"""Expands lists that come compressed with gzip, on the way or as a file, never beyond a bound."""

from __future__ import annotations

import zlib

_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31


class BrokenGzip(ValueError):
    """The compressed bytes are damaged or end too early."""


class ExpandsTooFar(ValueError):
    """The list is larger than the bound once expanded."""


def expand(body: bytes, *, bytes_max: int, whole: bool = True) -> bytes:
    """The body expanded, or as it is if it is not compressed; not `whole`: as far as it goes, up to `bytes_max`.

    Raises BrokenGzip and ExpandsTooFar.
    """
    if not body.startswith(_MAGIC):
        return body if whole else body[:bytes_max]
    expanded = bytearray()
    rest = body
    while rest.startswith(_MAGIC):
        engine = zlib.decompressobj(_GZIP_WINDOW)
        try:
            expanded += engine.decompress(rest, bytes_max + 1 - len(expanded))
        except zlib.error as error:
            raise BrokenGzip(f"the compressed list is damaged ({error})") from None
        if len(expanded) > bytes_max:
            if whole:
                raise ExpandsTooFar(f"the list is larger than {bytes_max} bytes (body_bytes_max)")
            return bytes(expanded[:bytes_max])
        if not engine.eof:
            if whole:
                raise BrokenGzip("the compressed list ends too early")
            break
        rest = engine.unused_data
    return bytes(expanded)
