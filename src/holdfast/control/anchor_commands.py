"""The commands of `holdfast anchor`: trust anchors of a running server."""

import base64
from typing import Annotated

import typer

from holdfast.control.nta_commands import AuthorOption, author_of
from holdfast.control.options import ConfigOption, ReplyOption, SocketOption, tell_server
from holdfast.control.problems import InputError
from holdfast.control.root_anchors import read_file, read_root_anchors_file, read_text
from holdfast.server.root_anchors_xml import AUTHORITY_OCTETS, SIGNATURE_OCTETS, SIGNER

anchor = typer.Typer(
    help="Trust anchors of a running server: which keys validation begins with, and how they fare (RFC 5011).",
    no_args_is_help=True,
)

ZoneArgument = Annotated[str, typer.Argument(metavar="ZONE", help="Name of the zone; '.' is the root.")]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the journal.")]


@anchor.command("list")
def show_all(socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False) -> None:
    """List all, with the states of their keys and what is or will become a problem."""
    tell_server(socket, config, as_json, "anchor.list")


@anchor.command("show")
def show(
    zone: ZoneArgument, socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False
) -> None:
    """Show the trust anchor of a zone, and where it comes from."""
    tell_server(socket, config, as_json, "anchor.show", zone=zone)


@anchor.command("add")
def add(
    zone: ZoneArgument,
    record: Annotated[list[str], typer.Argument(metavar="RECORD", help="DS 12345 13 2 0123... or DNSKEY 257 3 13 ...")],
    reason: ReasonOption,
    author: AuthorOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Trust a key of a zone, in all workers at once, beside what is trusted there already."""
    tell_server(
        socket,
        config,
        as_json,
        "anchor.add",
        zone=zone,
        record=" ".join(record),
        reason=reason,
        author=author_of(author),
    )


@anchor.command("remove")
def remove(
    zone: ZoneArgument,
    reason: ReasonOption,
    key_tag: Annotated[
        int | None, typer.Option(min=0, max=0xFFFF, metavar="TAG", help="Only keys with this tag; default: all.")
    ] = None,
    author: AuthorOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Trust no more what was added or imported, in all workers at once."""
    tell_server(
        socket, config, as_json, "anchor.remove", zone=zone, reason=reason, author=author_of(author), key_tag=key_tag
    )


@anchor.command("import")
def import_file(
    file: Annotated[str, typer.Argument(metavar="FILE", help="IANA's root-anchors.xml (RFC 9718).")],
    reason: ReasonOption = "root-anchors.xml",
    signature: Annotated[
        str | None, typer.Option(metavar="FILE", help="Its detached signature, root-anchors.p7s.")
    ] = None,
    authority: Annotated[
        str | None,
        typer.Option("--ca", metavar="FILE", help="Certification authority, in PEM; default: ICANN's, built in."),
    ] = None,
    signer: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help=f"E-mail address of who must have signed; default: {SIGNER}."),
    ] = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Take the file as it is: you know by other means that it is IANA's.")
    ] = False,
    author: AuthorOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Trust the root keys in IANA's file, each in its time, in place of those built in or imported before."""
    if unsigned and (signature or authority or signer):
        raise InputError(["--unsigned: the signature would not be looked at; leave one of them out"])
    if not unsigned and not signature:
        raise InputError(["give --signature, or --unsigned if you know by other means whose file it is"])
    tell_server(
        socket,
        config,
        as_json,
        "anchor.import",
        xml=read_root_anchors_file(file),
        signature=base64.b64encode(read_file(signature, SIGNATURE_OCTETS)).decode() if signature else None,
        authority=read_text(authority, AUTHORITY_OCTETS) if authority else None,
        signer=signer,
        unsigned=unsigned or None,
        reason=reason,
        author=author_of(author),
    )
