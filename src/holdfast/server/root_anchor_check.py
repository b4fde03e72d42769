"""What a worker does for an import of IANA's file: verify its signature, with the rights that workers have."""

import asyncio
import base64

from holdfast.server.commands import UNAVAILABLE, CommandError
from holdfast.server.lines import Values
from holdfast.server.root_anchor_signature import ProgramError, built_in_authority, verify_signature
from holdfast.server.root_anchors_xml import SIGNER, read_root_anchors


async def verify_root_anchors(values: Values) -> Values:
    """Verify the signature of an import. Raises CommandError if it is not good."""
    signature = base64.b64decode(values["signature"])
    authority = values["authority"].encode() if "authority" in values else built_in_authority()
    try:
        read_root_anchors(values["xml"])
        arguments = (values["xml"].encode(), signature, authority, values.get("signer", SIGNER))
        await asyncio.to_thread(verify_signature, *arguments)
    except ValueError as error:
        raise CommandError(f"anchor.import: {error}") from None
    except ProgramError as error:
        raise CommandError(f"anchor.import: {error}", UNAVAILABLE) from None
    return {}
