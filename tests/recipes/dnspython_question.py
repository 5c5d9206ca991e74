"""
dnspython: one lost datagram, asked for once or asked for again.
"""

import dns.exception
import dns.message
import dns.query
import dns.resolver
import pytest

FAR = "10.77.0.2"

# A resolver asks again from a new socket: a new flow, and only the first one is bad.
QUESTION_LOST = pytest.mark.badwire(family=4, names=True, up_loss=1, flows=1)


@QUESTION_LOST
def test_a_query_asks_once():
    question = dns.message.make_query("far.wire", "A")
    with pytest.raises(dns.exception.Timeout):
        dns.query.udp(question, FAR, timeout=0.5)


@QUESTION_LOST
def test_a_resolver_asks_again():
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [FAR]
    resolver.timeout = 0.5  # for each question; the default is 2 s
    (found,) = resolver.resolve("far.wire", "A")
    assert found.address == FAR


@pytest.mark.badwire(family=4, names=True, up_loss=1)
def test_a_resolver_whose_every_first_packet_is_lost():
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [FAR]
    resolver.timeout, resolver.lifetime = 0.3, 1
    with pytest.raises(dns.resolver.LifetimeTimeout):
        resolver.resolve("far.wire", "A")
    # TCP sends a lost SYN again by itself, after a second.
    resolver.timeout = 5
    (found,) = resolver.resolve("far.wire", "A", tcp=True, lifetime=10)
    assert found.address == FAR
