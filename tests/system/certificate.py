"""A certificate authority of the test run's own, made with the openssl command."""

import datetime

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
        run(["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "400", "-sha256",
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
             "-set_serial", str(1000 + list(KEY_KINDS).index(kind)), "-days", "400", "-sha256",
             "-extfile", extensions, "-out", self.certificate(kind)])
        self.key(kind).chmod(0o600)

    def certificate(self, kind="rsa"):
        return self.directory / f"{kind}.pem"

    def key(self, kind="rsa"):
        return self.directory / f"{kind}.key"

    def special(self, name, begins=-3600, ends=400 * 86400, names=NAMES, self_signed=False):
        """(certificate, key) of a leaf as a fault needs it; `begins` and `ends` in seconds from now."""
        place = self.directory / name
        place.mkdir()
        (place / "index.txt").touch()
        (place / "request.cnf").write_text(
            f"[req]\ndistinguished_name=name\n[name]\n[leaf]\nbasicConstraints=CA:FALSE\n{names}\n"
            f"[ca]\ndefault_ca=this\n[this]\nnew_certs_dir={place}\ndatabase={place}/index.txt\nrand_serial=yes\n"
            "default_md=sha256\npolicy=any\nx509_extensions=leaf\n[any]\ncommonName=supplied\n")
        key, request, certificate = place / "key.pem", place / "request.csr", place / "certificate.pem"
        run(["openssl", "req", "-new", "-nodes", *KEY_KINDS["p256"], "-subj", f"/CN={name}", "-keyout", key, "-out", request,
             "-config", place / "request.cnf"])
        now = datetime.datetime.now(datetime.timezone.utc)
        first, last = (f"{now + datetime.timedelta(seconds=seconds):%Y%m%d%H%M%SZ}" for seconds in (begins, ends))
        signer = ["-selfsign", "-keyfile", key] if self_signed else ["-cert", self.ca, "-keyfile", self._key]
        run(["openssl", "ca", "-batch", "-notext", "-config", place / "request.cnf", *signer, "-in", request, "-out", certificate,
             "-startdate", first, "-enddate", last])
        key.chmod(0o600)
        return certificate, key
