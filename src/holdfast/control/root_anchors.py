"""The files of an import of the root's trust anchors, read before a server is asked to take them (RFC 9718)."""

from holdfast.control.problems import InputError
from holdfast.server.root_anchors_xml import XML_OCTETS, read_root_anchors


def read_root_anchors_file(path: str) -> str:
    """Return the text of a file. Raises InputError if it is no root-anchors.xml."""
    text = read_text(path, XML_OCTETS)
    try:
        read_root_anchors(text)
    except ValueError as error:
        raise InputError([f"{path}: {error}"]) from None
    return text


def read_text(path: str, most: int) -> str:
    """Return the text of a file. Raises InputError if it cannot be read, or has more than ``most`` octets."""
    try:
        return read_file(path, most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError([f"{path}: is not text in UTF-8 (octet {error.start})"]) from None


def read_file(path: str, most: int) -> bytes:
    """Return the octets of a file. Raises InputError if it cannot be read, or has more than ``most``."""
    try:
        with open(path, "rb") as file:
            octets = file.read(most + 1)
    except OSError as error:
        raise InputError([f"{path}: cannot be read: {error.strerror}"]) from None
    if len(octets) > most:
        raise InputError([f"{path}: has more than {most} octets"])
    return octets
