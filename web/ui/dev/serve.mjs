// A server for working on the pages: the built files under the headers of the real one, a made-up world behind the
// interface. node dev/serve.mjs [PORT] [VARIANT]
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { World } from './world.mjs';

const here = dirname(fileURLToPath(import.meta.url));

export const securityHeaders = {
	'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
		+ "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
		+ "require-trusted-types-for 'script'; trusted-types 'none'",
	'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin', 'cross-origin-opener-policy': 'same-origin',
};

const types = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', txt: 'text/plain; charset=utf-8', html: 'text/html; charset=utf-8' };

class Dev {
	constructor(world, dist) {
		this.world = world;
		this.dist = dist;
		this.clients = new Set();
		this.requests = [];
		/** Answers nothing any more. */
		this.down = false;
		this.archiveDown = world.variant === 'no_archive';
	}

	send(res, status, type, body) {
		res.writeHead(status, { ...securityHeaders, 'content-type': type, 'cache-control': 'no-cache' });
		res.end(body);
	}

	json(res, value) {
		if (value === null) {
			this.send(res, 404, 'application/problem+json', JSON.stringify({ title: 'Not found', status: 404, detail: 'nothing of that name is known' }));
		} else {
			this.send(res, 200, 'application/json', JSON.stringify(value));
		}
	}

	async file(res, name) {
		try {
			this.send(res, 200, types[name.split('.').pop()] ?? 'application/octet-stream', await readFile(join(this.dist, name)));
		} catch {
			this.send(res, 404, 'text/plain', 'no such file');
		}
	}

	async page(res, known) {
		const html = await readFile(join(this.dist, 'index.html'), 'utf8');
		this.send(res, known ? 200 : 404, types.html, html.replace(/\{\{([\w.-]+)\}\}/g, '/ui/$1'));
	}

	stream(req, res, query) {
		res.writeHead(200, { ...securityHeaders, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
		const client = { res, host: query.get('host'), sources: query.get('sources') === '1' };
		this.clients.add(client);
		req.on('close', () => this.clients.delete(client));
		this.tell(client, 'hello', { boot: this.world.boot, now_ms: Date.now(), version: '0.1.0', stale: this.world.stale });
	}

	tell(client, name, data) {
		client.res.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
	}

	/** An event for everybody who listens. */
	publish(name, data) {
		this.clients.forEach((c) => this.tell(c, name, data));
	}

	round() {
		for (const h of this.world.hosts.values()) {
			if (!h.silent) {
				this.publish('host', this.world.wallHost(h));
			}
		}
		this.clients.forEach((c) => c.host && this.world.hosts.has(c.host) && this.tell(c, 'live', this.world.live(c.host)));
	}

	picture(res, format) {
		const bodies = { csv: ['text/csv', 'time,value\n'], json: ['application/json', '{}'], svg: ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'] };
		const [type, body] = bodies[format] ?? ['application/octet-stream', format];
		this.send(res, 200, type, body);
	}

	api(req, res, path, q) {
		const w = this.world;
		if (path === 'wall') {
			this.json(res, w.wall());
		} else if (path === 'alerts') {
			this.json(res, { alerts: [...w.alerts.values()] });
		} else if (path === 'status') {
			this.json(res, w.status());
		} else if (path === 'hosts') {
			this.json(res, { hosts: [...w.hosts.values()].map((h) => ({ ...w.head(h), services: h.services.length })) });
		} else if (path.startsWith('hosts/')) {
			this.json(res, w.host(decodeURIComponent(path.slice(6))));
		} else if (path === 'data' && this.archiveDown) {
			this.send(res, 503, 'application/problem+json', JSON.stringify({ title: 'Service Unavailable', status: 503, detail: 'the archive is away' }));
		} else if (path === 'data') {
			this.json(res, w.data((q.get('series') ?? '').split(','), Number(q.get('from')), Number(q.get('to')), Number(q.get('step')), q.get('graphed') === '1', q.get('cf') ?? 'average'));
		} else if (path === 'marks') {
			this.json(res, w.hosts.has(q.get('host')) ? w.marks(q.get('host'), Number(q.get('to'))) : null);
		} else if (path === 'sources') {
			this.json(res, { now: new Date().toISOString(), sources: [...w.sources.values()] });
		} else if (path === 'events') {
			this.stream(req, res, q);
		} else {
			this.json(res, null);
		}
	}

	async handle(req, res) {
		const url = new URL(req.url, 'http://localhost');
		const path = url.pathname;
		this.requests.push(req.url);
		if (this.down) {
			req.socket.destroy();
			return;
		}
		if (path.startsWith('/ui/')) {
			await this.file(res, path.slice(4).replaceAll('/', ''));
		} else if (path.startsWith('/api/v1/')) {
			this.api(req, res, path.slice(8), url.searchParams);
		} else if (path.startsWith('/graph/')) {
			this.picture(res, path.split('.').pop());
		} else {
			await this.page(res, path === '/' || /^\/(problems|hosts|sources)(\/|$)/.test(path));
		}
	}
}

/** Starts on loopback. Gives {address, world, dev, close}. Rounds come every `roundMs`; 0: only when asked for. */
export async function serve({ port = 0, variant = 'one', dist = join(here, '..', 'dist'), roundMs = 10_000 } = {}) {
	const world = new World(variant);
	const dev = new Dev(world, dist);
	const server = createServer((req, res) => {
		dev.handle(req, res).catch((e) => {
			console.error(e);
			res.destroy();
		});
	});
	await new Promise((done) => server.listen(port, '127.0.0.1', done));
	const timer = roundMs ? setInterval(() => dev.round(), roundMs) : undefined;
	const close = () => {
		clearInterval(timer);
		server.closeAllConnections();
		server.close();
	};
	return { address: `http://127.0.0.1:${server.address().port}`, world, dev, close };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const { address } = await serve({ port: Number(process.argv[2] ?? 8081), variant: process.argv[3] ?? 'one' });
	console.log(address);
}
