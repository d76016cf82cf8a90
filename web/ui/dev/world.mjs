// A made-up world for working on the pages without a server, and for their tests: hosts, services, alerts and values.
// Values are functions of time and name alone, so that two questions about the same span agree.
//
// Variants: `one` host as a fresh machine shows it; `many`: 500 hosts x 40 categories; `hostile`: markup and odd
// characters in every text; `none`: nothing yet.

const dayS = 86400;

/** A number in [0, 1) that belongs to a text. */
export function chance(text) {
	let h = 2166136261;
	for (const c of text) {
		h = Math.imul(h ^ c.codePointAt(0), 16777619) >>> 0;
	}
	h = Math.imul(h ^ (h >>> 15), 2246822507) >>> 0;
	return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
}

/** Slow noise in [-1, 1] around 0 with a daily wave. */
function wave(id, t) {
	const phase = chance(id) * 2 * Math.PI;
	const daily = Math.sin((t / dayS) * 2 * Math.PI + phase * 0.2);
	const wobble = Math.sin(t / 977 + phase) * 0.3 + Math.sin(t / 211 + phase * 3) * 0.15 + Math.sin(t / 53 + phase * 7) * 0.05;
	return 0.6 * daily + wobble;
}

const f = (name, label, draw, mean, spread, more = {}) => ({ name, label, draw, mean, spread, ...more });

const cpu = [f('system', 'system', 'AREA', 34, 8), f('user', 'user', 'STACK', 180, 60), f('nice', 'nice', 'STACK', 2, 1),
	f('idle', 'idle', 'STACK', 540, 60), f('iowait', 'iowait', 'STACK', 9, 6), f('irq', 'irq', 'STACK', 0.4, 0.2),
	f('softirq', 'softirq', 'STACK', 3, 1), f('steal', 'steal', 'STACK', 0, 0), f('guest', 'guest', 'STACK', 0, 0)];
const gib = 2 ** 30;
const memory = [f('apps', 'apps', 'AREA', 5.2 * gib, 0.6 * gib), f('page_tables', 'page_tables', 'STACK', 0.05 * gib, 0.004 * gib),
	f('swap_cache', 'swap_cache', 'STACK', 0.01 * gib, 0), f('slab', 'slab_cache', 'STACK', 0.6 * gib, 0.03 * gib),
	f('cached', 'cache', 'STACK', 6.4 * gib, 0.8 * gib), f('buffers', 'buffers', 'STACK', 0.3 * gib, 0.02 * gib),
	f('free', 'unused', 'STACK', 3.2 * gib, 0.9 * gib), f('swap', 'swap', 'STACK', 0.4 * gib, 0.02 * gib),
	f('committed', 'committed', 'LINE2', 9 * gib, 0.3 * gib), f('active', 'active', 'LINE2', 6 * gib, 0.4 * gib)];
const disks = ['_', '_home', '_var', '_boot', '_srv'];
const df = disks.map((d, i) => f(d, d.replaceAll('_', '/'), 'LINE1', [41, 63, 94.6, 22, 78][i], [0.2, 1, 0.8, 0, 2][i]));
const traffic = [f('down', 'received', 'LINE1', 3.2e6, 2.4e6, { graph: false, cdef: 'down,8,*' }),
	f('up', 'bps', 'LINE1', 7.9e6, 6e6, { negative: 'down', cdef: 'up,8,*' })];
const io = [f('rdio', 'read', 'LINE1', 22, 18, { graph: false }), f('wrio', 'IO/s', 'LINE1', 61, 34, { negative: 'rdio' })];

function simple(service, title, category, vlabel, fields, args = '-l 0') {
	return { service, title, category, vlabel, fields, args };
}

const one = [
	simple('cpu', 'CPU usage', 'system', '%', cpu, '--base 1000 -r --lower-limit 0 --upper-limit 800'),
	simple('load', 'Load average', 'system', 'load', [f('load', 'load', 'LINE1', 2.6, 1.4)], '--base 1000 -l 0'),
	simple('memory', 'Memory usage', 'system', 'Bytes', memory, `--base 1024 -l 0 --upper-limit ${16 * gib}`),
	simple('swap', 'Swap in/out', 'system', 'pages per ${graph_period} in (-) / out (+)',
		[f('swap_in', 'swap', 'LINE1', 0.5, 0.5, { graph: false }), f('swap_out', 'swap', 'LINE1', 0.8, 0.7, { negative: 'swap_in' })]),
	simple('uptime', 'Uptime', 'system', 'uptime in days', [f('uptime', 'uptime', 'AREA', 41, 0)]),
	simple('users', 'Logged in users', 'system', 'Users', ['tty', 'pty', 'pts', 'X', 'other'].map((n, i) =>
		f(n, n, i ? 'STACK' : 'AREA', i === 2 ? 3 : 0, i === 2 ? 1.4 : 0))),
	simple('entropy', 'Available entropy', 'system', 'entropy (bytes)', [f('entropy', 'entropy', 'LINE1', 256, 0)]),
	simple('interrupts', 'Interrupts and context switches', 'system', 'interrupts & ctx switches / ${graph_period}',
		[f('intr', 'interrupts', 'LINE1', 4100, 1200), f('ctx', 'context switches', 'LINE1', 9800, 2800)]),
	simple('open_files', 'File table usage', 'system', 'number of open files', [f('used', 'open files', 'LINE1', 4300, 300)]),
	simple('open_inodes', 'Inode table usage', 'system', 'number of open inodes',
		[f('used', 'open inodes', 'LINE1', 81000, 900), f('max', 'inode table size', 'LINE1', 92000, 900)]),
	simple('pressure', 'Pressure stall, some', 'system', '%', ['cpu', 'io', 'memory'].map((n, i) => f(n, n, 'LINE1', 4 / (i + 1), 2 / (i + 1)))),
	simple('irqstats', 'Individual interrupts', 'system', 'interrupts / ${graph_period}',
		Array.from({ length: 12 }, (_, i) => f(`i${i}`, `irq ${i} nvme0q${i}`, 'LINE1', 30 + 40 * i, 12 + 9 * i))),
	simple('df', 'Disk usage in percent', 'disk', '%', df, '--upper-limit 100 -l 0'),
	simple('df_inode', 'Inode usage in percent', 'disk', '%', df.map((x) => ({ ...x, mean: x.mean / 6, spread: 0.1 })), '--upper-limit 100 -l 0'),
	...['sda', 'sdb', 'nvme0n1'].flatMap((d) => [
		simple(`diskstats_iops.${d}`, `IOs for /dev/${d}`, 'disk', 'Units read (-) / write (+)', io),
		simple(`diskstats_utilization.${d}`, `Disk utilization for /dev/${d}`, 'disk', '% busy', [f('util', 'utilization', 'LINE1', 21, 14)],
			'--lower-limit 0 --upper-limit 100 --rigid'),
		simple(`diskstats_latency.${d}`, `Average latency for /dev/${d}`, 'disk', 'seconds',
			['svctm', 'avgwait', 'avgrdwait', 'avgwrwait'].map((n, i) => f(n, n, 'LINE1', 0.0008 * (i + 1), 0.0005 * (i + 1))))]),
	...['eth0', 'eth1', 'lo'].flatMap((n) => [
		simple(`if_${n}`, `${n} traffic`, 'network', 'bits in (-) / out (+) per ${graph_period}', traffic),
		simple(`if_err_${n}`, `${n} errors`, 'network', 'packets in (-) / out (+) per ${graph_period}',
			[f('rcvd', 'packets', 'LINE1', 0.02, 0.02, { graph: false }), f('trans', 'packets', 'LINE1', 0, 0, { negative: 'rcvd' })])]),
	simple('netstat', 'Netstat, combined', 'network', 'TCP connections', ['active', 'passive', 'failed', 'resets', 'established'].map((n, i) =>
		f(n, n, 'LINE1', [12, 40, 0.2, 1.1, 160][i], [4, 12, 0.2, 0.6, 40][i]))),
	simple('tcp', 'Connection states', 'network', 'connections', ['ESTABLISHED', 'SYN_SENT', 'TIME_WAIT', 'CLOSE_WAIT', 'LISTEN'].map((n, i) =>
		f(n.toLowerCase(), n, i ? 'STACK' : 'AREA', [120, 1, 60, 3, 24][i], [40, 1, 22, 1, 0][i]))),
	simple('fw_conntrack', 'Connections through firewall', 'network', 'established sessions', [f('established', 'established', 'AREA', 900, 240),
		f('fin_wait', 'fin wait', 'STACK', 20, 8), f('time_wait', 'time wait', 'STACK', 140, 40), f('total', 'total', 'LINE1', 1100, 260)]),
	simple('processes', 'Processes', 'processes', 'number of processes', ['sleeping', 'idle', 'stopped', 'zombie', 'dead', 'paging', 'uninterruptible', 'runnable'].map(
		(n, i) => f(n, n, i ? 'STACK' : 'AREA', [210, 90, 0, 1, 0, 0, 1, 3][i], [14, 2, 0, 0.5, 0, 0, 1, 2][i]))),
	simple('threads', 'Number of threads', 'processes', 'number of threads', [f('threads', 'threads', 'LINE1', 812, 30)]),
	simple('forks', 'Fork rate', 'processes', 'forks / ${graph_period}', [f('forks', 'forks', 'LINE1', 14, 6)]),
	simple('proc_pri', 'Process priority', 'processes', 'number of processes', [f('high', 'high priority', 'AREA', 20, 1), f('low', 'low priority', 'STACK', 5, 1),
		f('locked', 'locked in memory', 'STACK', 0, 0)]),
	simple('vmstat', 'VMstat', 'processes', 'process states', [f('wait', 'running', 'LINE1', 2, 1), f('sleep', 'I/O sleep', 'LINE1', 1, 1)]),
	...['offset', 'jitter', 'frequency'].map((n) => simple(`ntp_${n}`, `NTP ${n}`, 'time', 'seconds', [f(n, n, 'LINE1', 0.0004, 0.0003)])),
	...['requests', 'status', 'memory'].map((n) => simple(`nginx_${n}`, `nginx ${n}`, 'nginx', n === 'memory' ? 'bytes' : `${n} per \${graph_period}`,
		n === 'status' ? ['total', 'reading', 'writing', 'waiting'].map((x, i) => f(x, x, 'LINE1', 90 / (i + 1), 30 / (i + 1)))
			: [f(n, n, 'LINE1', n === 'memory' ? 42e6 : 151, n === 'memory' ? 2e6 : 120)])),
	...['queries', 'connections', 'innodb_bpool', 'slowqueries', 'threads', 'network_traffic'].map((n) => simple(`mysql_${n}`, `MySQL ${n.replaceAll('_', ' ')}`, 'mysql',
		'per ${graph_period}', ['delete', 'insert', 'select', 'update', 'cache_hits'].map((x, i) => f(x, x, i ? 'STACK' : 'AREA', 30 + 40 * i, 20)))),
	...['connections', 'memory', 'hits', 'keys'].map((n) => simple(`redis_${n}`, `redis ${n}`, 'redis', n, [f(n, n, 'LINE1', 800, 300)])),
	simple('php_fpm', 'PHP-FPM workers', 'php', 'processes', [f('active', 'active', 'AREA', 10, 6), f('idle', 'idle', 'STACK', 17, 5), f('queue', 'queue', 'LINE1', 0.2, 0.3)]),
	simple('node', 'Node', 'magpie', 'state', [f('up', 'up', 'LINE1', 1, 0), f('fetch_time', 'fetch time', 'LINE1', 0.004, 0.002), f('cpus', 'cpus', 'LINE1', 8, 0)]),
];

const badText = '<script>window.hit=1</script><img src=x onerror="window.hit=1">"\'&\u202e';

function expand(host, s, hostile) {
	return {
		service: s.service, title: hostile ? `${s.title} ${badText}` : s.title, category: s.category, vlabel: hostile ? badText : s.vlabel,
		info: hostile ? badText : `What ${s.title} says about this host, in a sentence.`, args: s.args, order: '', period: 'second',
		scale: s.vlabel !== '%', total: null, graph: true, state: 'ok',
		fields: s.fields.map((x) => ({
			field: x.name, id: `${host}:${s.service}:${x.name}`, label: hostile ? `${x.label} ${badText}` : x.label,
			type: /per|\//.test(s.vlabel) ? 'DERIVE' : 'GAUGE', draw: x.draw, colour: '', negative: x.negative ?? '', cdef: x.cdef ?? '',
			min: 0, max: null, unit: '', info: hostile ? badText : '', graph: x.graph ?? true, warning: '', critical: '', gone: false, last: null, limits: [],
			mean: x.mean, spread: x.spread,
		})),
	};
}

const letterOf = { ok: 'o', notice: 'n', warning: 'w', critical: 'c', unknown: 'u' };
const order = ['ok', 'notice', 'unknown', 'warning', 'critical'];

export class World {
	constructor(variant = 'one') {
		this.variant = variant;
		this.boot = String(Date.now());
		this.hosts = new Map();
		this.alerts = new Map();
		this.events = [];
		this.rulesError = '';
		this.stale = false;
		this.sources = new Map();
		this.startedMs = Date.now() - 41 * dayS * 1000;
		this.fill();
	}

	fill() {
		if (this.variant === 'many') {
			this.fillMany();
		} else if (this.variant !== 'none') {
			this.fillOne();
		}
	}

	fillOne() {
		const hostile = this.variant === 'hostile';
		for (const [host, group] of [['web1.shop.example', 'shop'], ['db1.shop.example', 'shop'], ['nas1.office.example', 'office']]) {
			const services = one.map((s) => expand(host, s, hostile));
			this.hosts.set(host, { host, group: hostile ? badText : group, services, step: 10, error: '', silent: host.startsWith('nas1'),
				strip: host.startsWith('db1') ? 'o'.repeat(21) + 'wcc' : host.startsWith('nas1') ? '-----' + 'o'.repeat(17) + 'uu' : 'oooonoooooooooowoooooooo' });
		}
		const bad = (text) => (hostile ? `${text} ${badText}` : text);
		this.limit('db1.shop.example', 'df', null, [{ rule: 'disk_full', level: 'warning', below: false, value: 92 }, { rule: 'disk_full', level: 'critical', below: false, value: 97 }]);
		this.limit('web1.shop.example', 'load', 'load', [{ rule: 'load_high', level: 'warning', below: false, value: 4 }]);
		this.raise('db1.shop.example', 'df', '_var', 'critical', 15 * 60, 97.5, '97.5 %', '> 97 % for 2 m', 'disk_full', bad('97.5 % full, at this rate full at 04:16'));
		this.raise('web1.shop.example', 'load', 'load', 'warning', 24 * 60, 4.2, '4.2', '> 4 for 10 m', 'load_high', bad('4.2 on 8 cores, backup and index job overlap'));
		this.raise('web1.shop.example', 'mysql_queries', 'select', 'warning', 2.2 * 3600, 46, '46 s', '> 30 s for 5 m', 'mysql_lag', bad('46 s behind db1, growing'));
		this.raise('nas1.office.example', 'node', 'up', 'unknown', 18 * 60, null, 'silent', '> 30 s', 'host_silent', bad('No sample since 02:56; port 4949 refuses connections'));
		this.raise('web1.shop.example', 'users', 'pts', 'notice', 5 * 3600, 3, '3', '> 2', 'many_users', bad('3 people are logged in'));
		this.raise('web1.shop.example', 'if_eth0', 'up', 'warning', 40, 81e6, '81 Mbit/s', '> 80 Mbit/s for 5 m', 'net_busy', bad('eth0 is nearly full'), 'pending');
		this.raise('db1.shop.example', 'swap', 'swap_out', 'critical', 3 * 3600, 80, '80/s', '> 50/s', 'swapping', bad('swapping'), 'firing', 'node: waits for db1');
		this.fillSources(bad);
		for (const [ago, kind, object, text] of [[40, 'rules.loaded', 'rules.d', '31 rules from 4 files'], [900, 'alert.firing', 'db1.shop.example df:_var', '97.5 % > 97 %'],
			[4000, 'rrd.set_aside', 'web1-if_eth0-down-d.rrd', 'header damaged; rebuilt from the journal'], [90000, 'role.restarted', 'collector', 'signal 9']]) {
			this.events.push({ t: new Date(Date.now() - ago * 1000).toISOString(), kind, object, text: bad(text) });
		}
	}

	/** A source of each kind, and one for each of what can be wrong. */
	fillSources(bad) {
		const ago = (s) => new Date(Date.now() - s * 1000).toISOString();
		const source = (host, kind, name, more = {}) => {
			const id = `${host}/${kind}/${name}`;
			this.sources.set(id, { id, host, group: 'shop', kind, name, where: `${host}:4949`, state: 'ok', since: ago(90000), last: ago(16), next: ago(-44),
				took_s: 0.34, every_s: 60, services: 41, series: 388, failures: 0, version: '', error: '', advice: '', complaints: [], strip: 'o'.repeat(24), first_seen: ago(41 * dayS), ...more });
		};
		source('mon1.office.example', 'host', 'host', { where: '', every_s: 10, took_s: 0.0004, services: 38, series: 412 });
		source('db1.shop.example', 'munin', 'munin', { version: bad('munin-node 2.0.73') });
		source('web1.shop.example', 'munin', 'munin', { version: 'munin-node 2.0.73', state: 'complaining', since: ago(7300), strip: `${'o'.repeat(21)}ww${'w'}`,
			complaints: [{ plugin: bad('if_eth0'), error: bad('“12a” for field down is no number') }, { plugin: 'smart_sda', error: 'exit code 1' }] });
		source('nas1.office.example', 'munin', 'munin', { group: 'office', state: 'failing', since: ago(18 * 60), last: ago(19 * 60), next: ago(-22), failures: 18,
			services: 22, series: 187, error: bad('connect: connection refused by 10.0.8.31 port 4949'), advice: bad('Nothing listens there.'), strip: `${'o'.repeat(22)}uu` });
		source('db1.shop.example', 'service', 'mysql', { where: '10.0.8.20:3306', state: 'failing', since: ago(300), error: 'authenticate: access denied for user “magpie”', advice: 'It does not let us in: look at user and password.', failures: 5, services: 8, series: 61 });
		source('web1.shop.example', 'service', 'nginx', { where: '10.0.8.11:80', services: 3, series: 12, took_s: 0.002 });
		source('web1.shop.example', 'check', 'shop', { where: 'https://shop.example/', services: 1, series: 9, took_s: 0.41 });
		source('web1.shop.example', 'exporter', 'jvm', { state: 'stale', since: ago(200), where: 'http://10.0.8.11:9404/metrics', services: 6, series: 140 });
		source('web2.shop.example', 'push', 'push', { state: 'waiting', last: null, next: null, where: '', services: 0, series: 0, strip: '-'.repeat(24) });
	}

	fillMany() {
		this.categories40 = Array.from({ length: 40 }, (_, i) => `cat${String(i + 1).padStart(2, '0')}`);
		for (let i = 1; i <= 500; i++) {
			const host = `web${String(i).padStart(3, '0')}.shop.example`;
			const cells = this.categories40.map((c) => (chance(host + c) < 0.01 ? 'wcuxs'[Math.floor(chance(c + host) * 5)] : chance(host + c) > 0.97 ? '.' : 'o')).join('');
			this.hosts.set(host, { host, group: `group${String(Math.ceil(i / 50)).padStart(2, '0')}`, services: [], step: 10, error: '', strip: 'o'.repeat(24), cells });
		}
	}

	find(host, service, field) {
		return this.hosts.get(host)?.services.find((s) => s.service === service)?.fields.find((x) => x.field === field);
	}

	limit(host, service, field, limits) {
		for (const x of this.hosts.get(host).services.find((s) => s.service === service).fields) {
			if (field === null || x.field === field) {
				x.limits = limits;
			}
		}
	}

	raise(host, service, field, level, agoS, value, valueText, limitText, rule, summary, state = 'firing', suppressedBy = '') {
		const s = this.hosts.get(host).services.find((x) => x.service === service);
		const x = s.fields.find((y) => y.field === field);
		if (state === 'firing' && !suppressedBy && order.indexOf(level) > order.indexOf(s.state)) {
			s.state = level;
		}
		const id = this.alerts.size + 1;
		const alert = { id, rule, host, group: this.hosts.get(host).group, service, field, title: s.title, label: x.label, level, state,
			since: new Date(Date.now() - agoS * 1000).toISOString(), value, value_text: valueText, threshold: x.limits.at(-1)?.value ?? null,
			threshold_text: limitText, summary, info: 'Old logs and binlogs are the usual reason.', runbook: level === 'critical' ? 'https://wiki.example/disk' : '', suppressed_by: suppressedBy };
		this.alerts.set(id, alert);
		return alert;
	}

	categories() {
		return this.categories40 ?? [...new Set([...this.hosts.values()].flatMap((h) => h.services.map((s) => s.category)))];
	}

	lastSeen(h, nowMs = Date.now()) {
		return h.silent ? nowMs - 18 * 60_000 : Math.floor(nowMs / 10_000) * 10_000;
	}

	head(h) {
		const state = h.services.reduce((w, s) => (order.indexOf(s.state) > order.indexOf(w) ? s.state : w), 'ok');
		return { host: h.host, group: h.group, state: h.silent ? 'unknown' : state, up: !h.silent, last_seen: new Date(this.lastSeen(h)).toISOString(), step: h.step,
			error: h.silent ? 'connect 192.0.2.7:4949: connection refused' : h.error, strip: h.strip, configured: true,
			tags: this.variant === 'hostile' ? [badText] : ['blue', 'prod'], first_seen: new Date(this.startedMs).toISOString() };
	}

	cells(h) {
		if (h.cells) {
			return h.cells;
		}
		return this.categories().map((c) => {
			const list = h.services.filter((s) => s.category === c);
			const worst = list.reduce((w, s) => (order.indexOf(s.state) > order.indexOf(w) ? s.state : w), 'ok');
			return list.length === 0 ? '.' : h.silent && worst === 'ok' ? 'x' : letterOf[worst];
		}).join('');
	}

	wallHost(h) {
		return { ...this.head(h), cells: this.cells(h) };
	}

	totals() {
		const services = [...this.hosts.values()].reduce((n, h) => n + (h.services.length || 40), 0);
		const series = [...this.hosts.values()].reduce((n, h) => n + h.services.reduce((m, s) => m + s.fields.length, 0), 0);
		return { hosts: this.hosts.size, services, series, samples_per_s: series / 10 };
	}

	wall() {
		return { now: new Date().toISOString(), stale: this.stale, categories: this.categories(), totals: this.totals(), hosts: [...this.hosts.values()].map((h) => this.wallHost(h)) };
	}

	status() {
		const t = this.totals();
		return { version: '0.1.0', uptime_s: 3600, now_ms: Date.now(), hosts: t.hosts, series: t.series, samples_per_s: t.samples_per_s, stale: this.stale, rules_error: this.rulesError,
			rules_loaded: new Date(Date.now() - 7200_000).toISOString(), roles: [], events: this.events };
	}

	host(name) {
		const h = this.hosts.get(name);
		if (!h) {
			return null;
		}
		const t = Math.floor(this.lastSeen(h) / 1000);
		return { ...this.head(h), services: h.services.map((s) => ({ ...s, fields: s.fields.map(({ mean, spread, ...x }) => ({ ...x, last: { t, v: this.value({ ...x, mean, spread }, t, false) } })) })) };
	}

	/** The value of a field at epoch second `t`; null where there is no sample. */
	value(field, t, graphed) {
		if (t * 1000 > Date.now() || t * 1000 < this.startedMs || (field.id.includes('if_eth0') && (t % dayS) > 48300 && (t % dayS) < 49500)) {
			return null;
		}
		if (this.hosts.get(field.id.split(':')[0])?.silent && t * 1000 > Date.now() - 18 * 60_000) {
			return null;
		}
		if (field.id.includes('uptime')) {
			return (t * 1000 - this.startedMs) / (dayS * 1000);
		}
		const v = Math.max(0, field.mean + field.spread * wave(field.id, t));
		return graphed && field.cdef.endsWith(',8,*') ? v * 8 : v;
	}

	/** Within a coarse bucket values reach beyond their mean. */
	extreme(v, step, cf) {
		return v === null || step <= 10 || cf === 'average' ? v : v * (cf === 'min' ? 0.8 : 1.25);
	}

	/** One episode that is over and one annotation an hour and two hours before the end of the span. */
	marks(host, to) {
		const at = (s) => new Date(s * 1000).toISOString();
		const full = { id: 1, kind: 'episode', from: at(to - 5400), to: at(to - 3600), host, service: 'df', field: null, level: 'warning', rule: 'disk_full', text: '93 % full' };
		return { truncated: false, marks: [{ id: 2, kind: 'annotation', from: at(to - 7200), to: null, host, service: null, field: null, author: 'admin',
			text: this.variant === 'hostile' ? '<b onclick="x">deployed</b>' : 'deployed 1.2' }, full] };
	}

	data(ids, from, to, step, graphed, cf = 'average') {
		const s = Math.max(10, step || 10);
		const t0 = Math.floor(from / s) * s;
		const n = Math.max(0, Math.min(20000, Math.ceil((to - t0) / s)));
		const series = {};
		for (const id of ids) {
			const [host, service, name] = id.split(':');
			const field = this.find(host, service, name);
			if (!field) {
				return null;
			}
			series[id] = Array.from({ length: n }, (_, i) => this.extreme(this.value(field, t0 + (i + 1) * s, graphed), s, cf));
		}
		return { t0, step: s, series };
	}

	live(host, nowMs = Date.now()) {
		const h = this.hosts.get(host);
		const t = Math.floor(nowMs / 10_000) * 10;
		const v = {};
		for (const s of h && !h.silent ? h.services : []) {
			for (const x of s.fields) {
				v[x.id] = this.value(x, t, false);
			}
		}
		return { t, v };
	}
}
