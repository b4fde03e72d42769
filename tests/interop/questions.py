"""What is asked of every zone."""

FAMILY = """\
@ SOA
@ NS
@ MX
@ TXT
@ DNSKEY
@ DS
@ AAAA
ns A
www A
www AAAA
www TXT
alias A
alias CNAME
alias TXT
twice A
gone A
out A
out TXT
out-broken A
out-insecure A
out-insecure TXT
to-child A
missing A
deep.er.missing A
deep.a.ent TXT
deep.a.ent A
a.ent A
ent TXT
x.ent A
x.deep.a.ent A
x.wild A
x.y.wild TXT
x.wild MX
wild A
*.wild TXT
exact.wild A
exact.wild TXT
x.exact.wild A
x.wild-alias A
x.wild-alias TXT
host.moved A
host.moved TXT
missing.moved A
moved DNAME
moved A
www.away A
missing.away A
x.wild.away TXT
signed NS
signed DS
signed DNSKEY
www.signed A
www.signed TXT
missing.signed A
x.wild.signed TXT
up.signed A
insecure NS
insecure DS
www.insecure A
www.insecure TXT
missing.insecure A
x.wild.insecure TXT
up.insecure A
below.optional DS
www.below.optional A
missing.below.optional A
up.below.optional A
optional A
optional DS
missing.optional A
mixed A
mixed MX
mixed SRV
mixed NAPTR
mixed RP
mixed AFSDB
mixed KX
mixed PTR
mixed HTTPS
mixed CAA
mixed TLSA
mixed TXT
mixed TYPE65280
mixed AAAA
mixed SVCB
upper.case TXT
UPPER.CASE A
esc\\.aped A
\\000\\255 A
\\000\\254 A
many TXT
"""
BRIEF = """\
@ DNSKEY
www A
www TXT
gone A
missing A
x.wild A
x.wild MX
host.moved A
www.signed A
missing.signed A
www.insecure A
missing.below.optional A
"""
BROKEN = """\
@ SOA
@ NS
@ TXT
@ DNSKEY
@ DS
@ AAAA
www A
www AAAA
www TXT
alias A
alias TXT
gone A
out A
missing A
a.ent A
x.ent A
deep.a.ent TXT
x.wild A
x.wild TXT
x.wild MX
x.wild-alias A
host.moved A
missing.moved A
moved DNAME
www.away A
insecure DS
"""
SIGNED_ONLY = """\
@ SOA
@ NS
@ DNSKEY
www A
www AAAA
"""


def questions_of(zone: str, table: str) -> list[tuple[str, str]]:
    """Names and types to ask of a zone."""
    found = []
    for line in table.splitlines():
        label, rtype = line.split()
        found.append((zone if label == "@" else f"{label}.{zone}", rtype))
    return found
