"""chain: a P-256 authority and a server certificate for localhost, made anew for each run."""

import os
import subprocess


class Certificate:
    def __init__(self, folder):
        self.ca = os.path.join(folder, "ca.pem")
        self.chain = os.path.join(folder, "chain.pem")
        self.key = os.path.join(folder, "key.pem")
        ca_key, request, extensions = (os.path.join(folder, name) for name in ("ca.key", "server.csr", "server.ext"))
        with open(extensions, "w", encoding="ascii") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        _openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", self.ca, "-days", "30", "-subj", "/CN=bench authority",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl("req", *curve, "-keyout", self.key, "-out", request, "-subj", "/CN=localhost")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "30",
                 "-extfile", extensions, "-out", self.chain)


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
