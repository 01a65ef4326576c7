"""nginx: Debian's nginx as a mail proxy: STARTTLS, sign-in asked of an auth_http responder (the sink's), upstream in clear to the sink."""

import os
import shutil
import subprocess

from sink import Sink, free_port

from .peer import Missing, Peer

MODULE = "/usr/lib/nginx/modules/ngx_mail_module.so"

CONF = """\
load_module {module};
user www-data;
worker_processes auto;
worker_rlimit_nofile 65536;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 30000; }}
mail {{
	server_name bench.invalid;
	auth_http 127.0.0.1:{lookup_port}/auth;
	smtp_auth login plain;
	smtp_capabilities PIPELINING 8BITMIME "SIZE 157286400" ENHANCEDSTATUSCODES DSN SMTPUTF8;
	xclient off;
	proxy_pass_error_message on;
	timeout 600s;
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		protocol smtp;
		starttls on;
		ssl_certificate {chain};
		ssl_certificate_key {key};
		ssl_protocols TLSv1.2 TLSv1.3;
	}}
	server {{
		listen 127.0.0.1:{plain_port} backlog=4096;
		protocol smtp;
		starttls off;
	}}
}}
"""


class Nginx(Peer):
    name = "nginx"
    password_hash = "none: the responder accepts everybody"
    durable = "no: nothing is kept, the sink's 250 is passed on"
    relay = "none: a connection of its own to the sink for each client, in clear"
    idle_plain = True

    def start(self):
        if not shutil.which("nginx") or not os.path.exists(MODULE):
            raise Missing("nginx with libnginx-mod-mail is not installed")
        self.version = subprocess.run(["nginx", "-v"], check=True, capture_output=True, text=True).stderr.rpartition("/")[2].strip()
        self.sink = Sink(self.bench.tools, self.folder, "sink", lookups=True)
        self.port, self.plain_port = free_port(), free_port()
        certificate = self.bench.certificate
        conf = self.write("nginx.conf", CONF.format(
            module=MODULE, folder=self.folder, lookup_port=self.sink.lookup_port, port=self.port, plain_port=self.plain_port,
            chain=certificate.chain, key=certificate.key))
        self.write_users([(f"copier{i}@bench.invalid", f"secret{i}") for i in range(10)])
        self.settings = {"worker_processes": os.cpu_count(), "starttls": "on, P-256", "xclient": "off"}
        with open(self.path("start.log"), "w", encoding="utf-8") as log:
            self.group.popen(["nginx", "-c", conf, "-p", self.folder], stdout=log, stderr=log)
        self.await_port(self.port)
