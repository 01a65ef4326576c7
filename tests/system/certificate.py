"""A certificate authority of the test run's own, made with the openssl command."""

from process import run

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
KEY_KINDS = {
    "rsa": ["-newkey", "rsa:2048"],
    "p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
}


class Authority:
    """One CA and, for `localhost`, a leaf of each kind in KEY_KINDS."""

    def __init__(self, directory):
        self.directory = directory
        self.ca = directory / "ca.pem"
        self._key = directory / "ca.key"
        run(["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "30", "-sha256",
             "-subj", "/CN=Sekisho system test CA", "-keyout", self._key, "-out", self.ca,
             "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign"])
        for kind in KEY_KINDS:
            self._issue(kind)

    def _issue(self, kind):
        request = self.directory / f"{kind}.csr"
        extensions = self.directory / f"{kind}.ext"
        extensions.write_text(f"{NAMES}\nbasicConstraints=CA:FALSE\n"
                              "keyUsage=digitalSignature,keyEncipherment\n"
                              "extendedKeyUsage=serverAuth\n")
        run(["openssl", "req", "-new", "-nodes", *KEY_KINDS[kind], "-subj", "/CN=localhost",
             "-keyout", self.key(kind), "-out", request])
        run(["openssl", "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key,
             "-set_serial", str(1000 + list(KEY_KINDS).index(kind)), "-days", "30", "-sha256",
             "-extfile", extensions, "-out", self.certificate(kind)])
        self.key(kind).chmod(0o600)

    def certificate(self, kind="rsa"):
        return self.directory / f"{kind}.pem"

    def key(self, kind="rsa"):
        return self.directory / f"{kind}.key"
