"""Keys that ssh-keygen has made for the tests, which nobody uses for anything else, and one that only pretends."""

UNENCRYPTED = b"""\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACC96EaiuZy3wjzjvHk0xpAKnEdsSY8w4ckti65iOKKeggAAAIiCrzXMgq81
zAAAAAtzc2gtZWQyNTUxOQAAACC96EaiuZy3wjzjvHk0xpAKnEdsSY8w4ckti65iOKKegg
AAAEBhyIbkeYYtOcb+7en1Av7mugVDEl1bOEILlLTVNqNh273oRqK5nLfCPOO8eTTGkAqc
R2xJjzDhyS2LrmI4op6CAAAAAWEBAgME
-----END OPENSSH PRIVATE KEY-----
"""
UNENCRYPTED_PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL3oRqK5nLfCPOO8eTTGkAqcR2xJjzDhyS2LrmI4op6C"

PASSPHRASE = "hunter2"
ENCRYPTED = b"""\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABB5hQvMiY
DaU+kJqeY+efHFAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIDHY1a2PnnYyTWvH
smq49fhDoPsCfENf1DeXQhCq0/N6AAAAkOTVY71kiktOxx/3k04XF0SETaNrv5+TDMxgZH
0usk4J9oGszD34PV0mPXoc1jGbw0SaiqzZxjLDEQ9k0i+qKTs/k3811kFwc0b/ui1zSc1n
hndHW+cDzc12+tsSSItsiHn8D1iKdo3WSxuBD1Y1aOUMuz99giUoz8SB8O9DoSKG4DiArI
3AWkTiPdqMZVEqFA==
-----END OPENSSH PRIVATE KEY-----
"""
ENCRYPTED_PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDHY1a2PnnYyTWvHsmq49fhDoPsCfENf1DeXQhCq0/N6"

RSA = b"""\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAlwAAAAdzc2gtcn
NhAAAAAwEAAQAAAIEAuIqRQQOsARhrGPJbE7Qi+k8viOhuj5lVwo9wEvVJS0ERAE9I0z4J
/0kS6l3feCMXlQ7sjrVSo7tpP0135KPoH90hxt/Y0YoTghJaD9a9uSh9z4xxiDuswnG3pp
51kFvoIqKD11YvcMW/Sc3rgd2mOJ/T+Q3F9Qod2jIs50nMWT8AAAH4iN27r4jdu68AAAAH
c3NoLXJzYQAAAIEAuIqRQQOsARhrGPJbE7Qi+k8viOhuj5lVwo9wEvVJS0ERAE9I0z4J/0
kS6l3feCMXlQ7sjrVSo7tpP0135KPoH90hxt/Y0YoTghJaD9a9uSh9z4xxiDuswnG3pp51
kFvoIqKD11YvcMW/Sc3rgd2mOJ/T+Q3F9Qod2jIs50nMWT8AAAADAQABAAAAgDu3Iy+tl4
A3PZix/ATROqxS6WfdBsHS9Wxi6/pGgzQl1vGJtmAc6DFCnStXuxNuD5h9XtEDHb27zF/e
mphS7a6srzrlx9xOEXhBtgHMgQlfc346I6uPCS473kYy7qnmYli/N9IYCWb5Br7Dn7CmI2
LzG07SV1qf8+3C4L1iRH8pAAAAQG3fUhUtaEFm3enLi1VnyUW0OqL0c0/wloT12blN6H/1
KK72Fu7TgGdV4qKMI1XeUU6DMlmNzt8XyJuS6W5jAHgAAABBAO2S1IT/c3RJC2Lzk34ODm
Q6kBM586aXVtG4m+lGUbfNs2uLL7zkNlmfGjDOHv3hKvyJsCe2VXblItrourGSwgsAAABB
AMbav6R2xD85Ehp1i3dA0Osx4YaLluprjyzHpRyUF4dh2QbMmiD1lLY/gIATz2xICjc2B5
iezbuU+EzFJ6Ut2h0AAAABYQEC
-----END OPENSSH PRIVATE KEY-----
"""

CHALLENGE = "0123456789abcdef" * 4
CERTIFICATE = b"a certificate"


class FakeKey:
    """A key that writes down what it signed."""

    public_key = "ssh-ed25519 AAAA"

    def __init__(self) -> None:
        self.signed: list[tuple[bytes, bytes | None]] = []

    def prove(self, challenge: bytes, certificate: bytes | None) -> str:
        self.signed.append((challenge, certificate))
        return "the proof"
