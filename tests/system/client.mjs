// Sends one mail by npm nodemailer:  node client.mjs order.json
// order: host, port, implicit, starttls, ca, user, password, from, to, file

import { readFileSync } from 'node:fs';
import nodemailer from 'nodemailer';

const order = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const transport = nodemailer.createTransport({
	host: order.host,
	port: order.port,
	secure: order.implicit,
	requireTLS: order.starttls,
	ignoreTLS: !order.starttls && !order.implicit,
	tls: order.ca ? { ca: readFileSync(order.ca) } : {},
	auth: { user: order.user, pass: order.password },
});
const done = await transport.sendMail({
	envelope: { from: order.from, to: [order.to] },
	raw: readFileSync(order.file),
});
console.log(done.response);
