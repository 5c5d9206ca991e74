"""
aioquic: what a stream delivers on a bad wire, and what QUIC's datagrams (RFC 9221) do.
"""

import asyncio
import datetime

import pytest
from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import DatagramFrameReceived, StreamDataReceived
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

MESSAGES = [b"%03d" % number for number in range(100)]


@pytest.fixture
def certificate(tmp_path):
    """A certificate for far4.wire, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "far4.wire")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("far4.wire")]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "certificate").write_bytes(made.public_bytes(pem))
    (tmp_path / "key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return tmp_path


async def carry(certificate, useDatagrams):
    """Send a hundred messages; return those that came."""
    came, over = [], asyncio.Event()

    class Receiver(QuicConnectionProtocol):
        def quic_event_received(self, event):
            if isinstance(event, DatagramFrameReceived):
                came.append(event.data)
            elif isinstance(event, StreamDataReceived):
                whole.extend(event.data)
                if event.end_stream:
                    over.set()

    whole = bytearray()
    ours = QuicConfiguration(is_client=False, max_datagram_frame_size=1200)
    ours.load_cert_chain(certificate / "certificate", certificate / "key")
    server = await serve("0.0.0.0", 4433, configuration=ours, create_protocol=Receiver)
    theirs = QuicConfiguration(max_datagram_frame_size=1200)
    theirs.load_verify_locations(certificate / "certificate")
    async with connect("far4.wire", 4433, configuration=theirs) as client:
        await client.ping()  # the server has its keys now: before, it discards datagrams
        stream = client._quic.get_next_available_stream_id()
        for message in MESSAGES:
            if useDatagrams:
                client._quic.send_datagram_frame(message)
            else:
                client._quic.send_stream_data(stream, message)
            client.transmit()
        client._quic.send_stream_data(stream, b"", end_stream=True)
        client.transmit()
        await asyncio.wait_for(over.wait(), 20)
    server.close()
    return came if useDatagrams else [bytes(whole[at : at + 3]) for at in range(0, len(whole), 3)]


@pytest.mark.badwire(family=4, up_loss="20%", seed=1)
def test_datagrams_are_lost(certificate):
    came = asyncio.run(carry(certificate, useDatagrams=True))
    assert 0 < len(came) < len(MESSAGES)


@pytest.mark.badwire(family=4, up_loss="20%", seed=1)
def test_a_stream_loses_nothing(certificate):
    assert asyncio.run(carry(certificate, useDatagrams=False)) == MESSAGES
