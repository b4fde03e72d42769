"""Every bound on work, size and time, in one place: the value, and why it is that value."""

from typing import Final

# -- sizes ------------------------------------------------------------------------------------------------------------
EDNS_BUFFER_OCTETS: Final = 1232  # fits the IPv6 minimum MTU without fragments (DNS flag day 2020, RFC 9715 section 3)
PLAIN_UDP_OCTETS: Final = 512  # RFC 1035 section 4.2.1, for clients without EDNS
CACHE_BYTES: Final = 256 * 1024 * 1024  # estimated heap of all caches of one worker; a quarter of a small server
PACKET_CACHE_SHARE: Final = 4  # one quarter of the cache goes to whole answers
DENIAL_PROOFS_PER_ZONE: Final = 2000  # NSEC/NSEC3 records kept per zone for synthesis
WILDCARDS_PER_ZONE: Final = 100  # wildcards remembered per zone for synthesis; most zones have none to three
MESSAGE_RECORDS: Final = 2000  # records accepted from one message; a 64 KiB message of A records has about 4000
RRSET_RECORDS: Final = 600  # records in one RRset; more only burdens validation and clients
RRSET_SIGNATURES: Final = 16  # RRSIGs of an RRset looked at, unusable ones included (dns.message keeps fewer)

# -- TTLs (seconds) ---------------------------------------------------------------------------------------------------
CACHE_MINIMUM_TTL_S: Final = 0  # honour the zone's owner
CACHE_MAXIMUM_TTL_S: Final = 86400  # RFC 8767 section 4 suggests a week at most, common practice is a day
NEGATIVE_MAXIMUM_TTL_S: Final = 3600  # RFC 2308 section 5 suggests one to three hours
FAILURE_TTL_FIRST_S: Final = 1  # RFC 9520 section 3.2: at least one second, at most five minutes, growing
FAILURE_TTL_MAXIMUM_S: Final = 300  # RFC 9520 section 3.2
BOGUS_TTL_S: Final = 30  # retry soon: operators repair zones within minutes (RFC 4035 section 4.7 bad cache)
TTL_HIGHEST_BIT: Final = 0x80000000  # RFC 2181 section 8: a TTL with this bit set counts as zero
PREFETCH_REMAINING_PERCENT: Final = 10  # refresh when this share of the TTL is left and someone asks

# -- work per client request ------------------------------------------------------------------------------------------
CNAME_LINKS: Final = 11  # links of CNAME/DNAME followed; BIND and Unbound stop at 11 to 16
UPSTREAM_QUERIES_PER_REQUEST: Final = 120  # everything sent on behalf of one request, sub-tasks included (NXNSAttack)
REFERRALS_PER_FETCH: Final = 30  # a name has 127 labels at most; sane chains are under ten
SERVER_NAME_LOOKUPS_PER_ZONE: Final = 5  # name servers without addresses looked up at once per delegation (NXNSAttack)
SERVER_NAME_FAILURES_PER_FETCH: Final = (
    12  # failed name server look-ups after which a fetch gives up (NXNSAttack paper)
)
SERVER_NAME_LOOKUPS_PER_REQUEST: Final = 48  # addresses of name servers looked up in all (NXNSAttack, two types each)
SUBTASK_DEPTH: Final = 12  # look-ups that wait for look-ups; deeper chains of name servers are attacks or accidents
SENDS_PER_ZONE: Final = 16  # queries to the servers of one zone for one question before it fails
BOGUS_RETRIES: Final = 3  # other servers asked after a bogus answer before the verdict
MINIMISATION_STEPS: Final = 10  # RFC 9156 section 2.3 MAX_MINIMISE_COUNT
MINIMISE_ONE_LABEL: Final = 4  # RFC 9156 section 2.3 MINIMISE_ONE_LAB
NAME_SERVERS_PER_ZONE: Final = 20  # of a referral; the root and large TLDs have 13
ADDRESSES_PER_NAME_SERVER: Final = 8  # beyond this more addresses help nobody

# -- validation work (KeyTrap, CVE-2023-50387 and CVE-2023-50868) ------------------------------------------------------
SIGNATURE_CHECKS_PER_RRSET: Final = 8  # tried combinations of RRSIG and DNSKEY for one RRset
KEYS_PER_TAG: Final = 4  # DNSKEYs with the same tag and algorithm that are tried (Unbound and BIND take 1 to 4)
SIGNATURE_CHECKS_PER_REQUEST: Final = 200  # eleven aliases, each below three signed zones, need some hundred
NSEC3_HASHES_PER_REQUEST: Final = 200  # hash calculations, not iterations; a proof needs at most about one per label
SYNTHESIS_HASHES: Final = 24  # of those, spent on answering from cached NSEC3; names of more labels go to the servers
DENIAL_RRSETS: Final = 12  # NSEC/NSEC3 RRsets of one response looked at; a proof needs three, changing zones send both
NSEC3_ITERATIONS: Final = (
    50  # RFC 9276 section 3.2 lets validators treat more as insecure; BIND, Unbound, Knot use 50..150
)
DNSKEYS_PER_ZONE: Final = 32  # keys considered; signers in a double rollover have six

# -- clients ----------------------------------------------------------------------------------------------------------
OUTSTANDING_REQUESTS: Final = (
    10000  # client requests waiting in one worker; the oldest waiting ones are answered SERVFAIL
)
OUTSTANDING_PER_CLIENT: Final = 2000  # of one client address, so that one client cannot take all
JOINED_CLIENTS: Final = 1000  # clients waiting for one identical question
CLIENT_GROUPS: Final = 64  # of the configuration: with the services they make the audiences, a record for each pair
CLIENT_GROUP_PREFIXES: Final = 10_000  # of one group: the networks of a large provider
SERVICES: Final = 16  # each has sockets of its own in every worker
TCP_IDLE_MS: Final = 10000  # RFC 7766 section 6.2.3 asks for a few seconds; most stub resolvers reuse within one or two
REQUEST_TIMEOUT_MS: Final = 10000  # give up and answer SERVFAIL; stub resolvers give up after 5 to 15 s

# -- upstream timing --------------------------------------------------------------------------------------------------
ROUND_TRIP_INITIAL_US: Final = 376_000  # unknown servers, as Unbound assumes
ROUND_TRIP_MINIMUM_US: Final = 50_000  # never retransmit earlier: protects against jitter
TIMEOUT_MAXIMUM_US: Final = 3_000_000  # one try; longer waits help no client
TCP_TIMEOUT_US: Final = 4_000_000  # connection and response
SERVER_BACKOFF_US: Final = 60_000_000  # a server that timed out repeatedly is probed about once a minute
SERVER_TIMEOUTS_TO_BACKOFF: Final = 4  # consecutive ones
RESTING_SERVERS_ASKED: Final = 2  # by one fetch, when all others were: if the fault was ours, the first one answers
SERVER_ENTRY_LIFETIME_US: Final = 900_000_000  # forget what is known of a server after a quarter of an hour
SERVERS_REMEMBERED: Final = 50_000  # entries of the server cache
UPSTREAM_IN_FLIGHT: Final = 6000  # exchanges in flight in all; the longest waiting ones give way (sockets: 8000)
MISMATCHES_PER_QUERY: Final = 16  # wrong responses to one UDP query before it is asked over TCP (RFC 5452 section 9.2)
OUTSTANDING_PER_SERVER: Final = 500  # exchanges in flight to one server address; others wait or go elsewhere

# -- serve stale (RFC 8767 section 5 and 6) ---------------------------------------------------------------------------
CLIENT_RESPONSE_TIMER_MS: Final = 1800
MAXIMUM_STALE_TIMER_S: Final = 3 * 86400  # RFC 8767 section 5 suggests one to three days; a weekend fits into three
STALE_ANSWER_TTL_S: Final = 30
FAILURE_RECHECK_TIMER_S: Final = 30
RECOVERY_PROBE_INTERVAL_S: Final = 4  # with the few seconds of brief packets, clients see a recovery within ten
OLD_DELEGATION_US: Final = 1_000_000  # silence of a parent's servers after which what it said last leads on
BRIEF_PACKET_US: Final = 3_000_000  # failures and stale answers stay this long as packets: healing shows within seconds

# -- trust anchors (RFC 5011 section 2.3) ------------------------------------------------------------------------------
TRUST_ANCHOR_HOLD_DOWN_S: Final = 30 * 86400
TRUST_ANCHOR_REMOVE_S: Final = 30 * 86400
ANCHOR_SIGNAL_INTERVAL_US: Final = 86400 * 1_000_000  # RFC 8145 section 5: often enough to be counted, seldom else
ANCHOR_SIGNAL_KEY_TAGS: Final = 12  # fit into one label: "_ta" and five octets each
ANCHOR_FAILING_WARNING_S: Final = 2 * 3600  # a failed look is repeated after an hour; the second failure is no accident
TRUST_ANCHOR_RECORDS: Final = 100  # added at run time: operators handle a few private zones, and each is probed daily

# -- negative trust anchors (RFC 7646) ---------------------------------------------------------------------------------
NEGATIVE_TRUST_ANCHOR_LIFETIME_S: Final = 3600  # unless said otherwise: long enough to act, too short to be forgotten
NEGATIVE_TRUST_ANCHOR_LIFETIME_MAXIMUM_S: Final = 7 * 86400  # an outage is repaired by then; BIND's limit as well
NEGATIVE_TRUST_ANCHORS: Final = 50  # at a time: operators handle a few, and one line of the control socket lists all
DS_ROUND_ADDRESSES: Final = 26  # asked at once for a DS RRset that does not validate: 13 servers with two each
DS_ROUND_SERVERS: Final = 2  # that must answer alike: neither one bad server nor the path to it decides alone
DS_ROUND_US: Final = 1_000_000  # silence of some of them is not waited for longer, as for that of any parent
DS_ROUNDS_PER_SECOND: Final = 20  # below a zone, in each worker: 500 queries at most, five percent of a processor
DS_AGREEMENT_MINIMUM_S: Final = 60  # whatever its TTL: it costs a dozen queries, and saves no name from anything
DS_AGREEMENT_MAXIMUM_S: Final = 3600  # nobody has signed it; a child's new keys are noticed earlier (DsAgreement.doubt)
DS_AGREEMENTS: Final = 10_000  # remembered at a time: some 8 MB; the oldest one goes first
ANCHOR_REASON_CHARACTERS: Final = 120  # fit into one EDE beside a name and the end, for clients to read
ANCHOR_AUTHOR_CHARACTERS: Final = 64  # a login or a mail address

# -- override rules ----------------------------------------------------------------------------------------------------
OVERRIDE_RULES: Final = (
    1000  # of the configuration; each costs a kilobyte in each worker. Blocklists are other software
)
OVERRIDE_RULES_AT_RUN_TIME: Final = 100  # of the command line: more cannot be overseen, and belong into a file
OVERRIDE_RULE_RECORDS: Final = 50  # local records of one rule: as many as anybody reads
OVERRIDE_RULE_RDATA_OCTETS: Final = 4096  # of all its records: as text they fit into a line of the control socket
OVERRIDE_RULE_LISTED: Final = 32  # types, services or client groups that one rule names
OVERRIDE_RULE_SERVERS: Final = 8  # that a rule forwards to
OVERRIDE_RULE_TTL_S: Final = 60  # of what is made up: clients forget a rule within a minute of its end
OVERRIDE_RULE_TTL_MAXIMUM_S: Final = 86400  # as of any record in the cache
OVERRIDE_RULE_LIFETIME_MAXIMUM_S: Final = 366 * 86400  # what is meant for longer has no end
