// What the pages do: live changes, zoom, keyboard, themes, shared stream, and what they say when something is wrong.
import assert from 'node:assert/strict';
import { browser, build, need, open, run, serve } from './support.mjs';

need('chromium', 'playwright-core', 'esbuild', 'preact');
const dist = build();
const b = await browser();
const db = '/hosts/db1.shop.example';
const web = '/hosts/web1.shop.example';

/** Runs `check` with a page of its own before a world of its own; whatever the page complains about fails. */
async function on(path, ready, check, { variant = 'one', context: options = {}, complains = false } = {}) {
	const server = await serve({ dist, variant, roundMs: 0 });
	const context = await b.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', ...options });
	try {
		const page = await open(context, server.address + path, ready);
		const note = await check(page, server, context);
		if (!complains) {
			assert.deepEqual(page.complaints, []);
		}
		return note;
	} finally {
		await context.close();
		server.close();
	}
}

/** Waits until a condition in this program holds. */
async function until(condition, what, ms = 5000) {
	const end = Date.now() + ms;
	while (!condition()) {
		assert.ok(Date.now() < end, `in time: ${what}`);
		await new Promise((done) => setTimeout(done, 10));
	}
}

function listening(server, n = 1) {
	return until(() => server.dev.clients.size === n, `${n} stream(s)`);
}

/** Milliseconds until `selector` is there, measured from before `cause`. */
async function after(page, selector, cause) {
	const began = performance.now();
	cause();
	await page.waitForSelector(selector, { state: 'attached', timeout: 3000 });
	return performance.now() - began;
}

/** The best of a few trials: the machine may be busy with something else. */
async function quickest(trials, limitMs, trial) {
	const times = [];
	while (times.length < trials && Math.min(...times, Infinity) > limitMs) {
		times.push(await trial(times.length));
	}
	assert.ok(Math.min(...times) <= limitMs, times.map(Math.round).join());
	return `${Math.round(Math.min(...times))} ms`;
}

/** How many pixels of the first canvas have a colour near `hex`. */
function pixels(page, token) {
	return page.evaluate((name) => {
		const canvas = document.querySelector('.card canvas');
		const hex = getComputedStyle(canvas).getPropertyValue(`--${name}`).trim();
		const want = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
		const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
		let n = 0;
		for (let i = 0; i < data.length; i += 4) {
			if (data[i + 3] > 200 && want.every((v, k) => Math.abs(v - data[i + k]) < 12)) {
				n++;
			}
		}
		return n;
	}, token);
}

function dataRequests(server) {
	return server.dev.requests.filter((r) => r.startsWith('/api/v1/data')).map((r) => new URL(r, 'http://x').searchParams);
}

async function drag(page, fromShare, toShare) {
	const box = await page.locator('.chart.h324 .u-over').boundingBox();
	await page.mouse.move(box.x + box.width * fromShare, box.y + 100);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * (fromShare + toShare) / 2, box.y + 100, { steps: 4 });
	await page.mouse.move(box.x + box.width * toShare, box.y + 100, { steps: 4 });
	await page.mouse.up();
}

const live = [
	['a_new_alert_is_on_the_wall_within_250_ms', () => on('/', '.wall', async (page, server) => {
		await listening(server);
		return quickest(5, 250, async (i) => {
			const alert = server.world.raise('web1.shop.example', 'threads', 'threads', 'critical', 5, 900, `90${i}`, '> 850', `too_many_${i}`, `trial ${i}`);
			return after(page, `.prob .val:has-text("90${i}")`, () => server.dev.publish('alert', alert));
		});
	})],
	['a_cell_changes_with_its_host_and_no_other_does', () => on('/', '.wall', async (page, server) => {
		await listening(server);
		await page.evaluate(() => document.querySelectorAll('.wall .cell').forEach((c) => {
			c.dataset.before = '1';
		}));
		server.world.raise('web1.shop.example', 'threads', 'threads', 'critical', 5, 900, '900', '> 850', 'x', 'y');
		const ms = await after(page, '.wall .cell.crit:not([data-before])', () => server.dev.publish('host', server.world.wallHost(server.world.hosts.get('web1.shop.example'))));
		assert.equal(await page.locator('.wall .cell:not([data-before])').count(), 1);
		return `${Math.round(ms)} ms`;
	})],
	['five_hundred_hosts_change_at_once_and_200_cells_with_them', () => on('/', '.wall.vast', async (page, server, context) => {
		await listening(server);
		const probe = await context.newCDPSession(page);
		await probe.send('Performance.enable', { timeDomain: 'threadTicks' });
		const busy = async () => (await probe.send('Performance.getMetrics')).metrics.find((x) => x.name === 'TaskDuration').value * 1000;
		await page.evaluate(() => document.querySelectorAll('.wall .cell').forEach((c) => {
			c.dataset.before = '1';
		}));
		const before = await busy();
		let changed = 0;
		for (const h of server.world.hosts.values()) {
			const flip = changed < 200 && h.cells[0] === 'o';
			changed += flip ? 1 : 0;
			server.dev.publish('host', { ...server.world.wallHost(h), cells: flip ? `w${h.cells.slice(1)}` : h.cells });
		}
		await page.waitForFunction(() => document.querySelectorAll('.wall .cell:not([data-before])').length === 200);
		const ms = await busy() - before;
		assert.ok(ms <= 250, `${ms} ms`); /* 500 messages are taken apart and two frames drawn, too */
		return `${Math.round(ms)} ms in all`;
	}, { variant: 'many' })],
	['an_alert_that_is_gone_leaves_page_title_and_counts', () => on('/problems', '.prob', async (page, server) => {
		await listening(server);
		assert.match(await page.title(), /^\(4\) Problems/);
		server.dev.publish('alert_gone', { id: 1 });
		await page.waitForFunction(() => document.title.startsWith('(3) Problems'));
		assert.equal(await page.locator('text=97.5 % full').count(), 0);
		assert.match(await page.locator('.counts a').first().innerText(), /\b0$/);
	})],
	['live_values_extend_the_chart_and_its_legend', () => on(`${web}/load?period=hour`, '.card canvas', async (page, server) => {
		await listening(server);
		await page.waitForFunction(() => /\d/.test(document.querySelector('.legend .now')?.textContent ?? ''));
		const t = Math.floor(Date.now() / 1000 / 10) * 10 + 20;
		server.dev.publish('live', { t, v: { 'web1.shop.example:load:load': 77.7 } });
		await page.waitForFunction(() => document.querySelector('.legend .now')?.textContent.includes('77.7'), undefined, { timeout: 3000 });
	})],
	['live_values_with_a_cdef_are_converted', () => on(`${web}/if_eth0?period=hour`, '.card canvas', async (page, server) => {
		await listening(server);
		await page.waitForFunction(() => /\d/.test(document.querySelector('.legend .now')?.textContent ?? ''));
		const t = Math.floor(Date.now() / 1000 / 10) * 10 + 20;
		server.dev.publish('live', { t, v: { 'web1.shop.example:if_eth0:up': 1.25e6, 'web1.shop.example:if_eth0:down': 1e6 } });
		await page.waitForFunction(() => document.querySelector('.legend tbody tr:nth-child(2) .now')?.textContent === '10\u00a0M', undefined, { timeout: 3000 });
	})],
	['eight_tabs_share_one_stream_and_pass_it_on', () => on('/', '.wall', async (page, server, context) => {
		const others = [];
		for (let i = 0; i < 7; i++) {
			others.push(await open(context, server.address + (i % 2 ? '/problems' : '/hosts')));
		}
		await until(() => server.dev.clients.size === 1, 'one stream for all');
		server.world.alerts.delete(1);
		server.dev.publish('alert_gone', { id: 1 });
		await others[6].waitForFunction(() => document.title.startsWith('(3)'));
		const [first] = server.dev.clients;
		await page.close();
		await until(() => server.dev.clients.size === 1 && !server.dev.clients.has(first), 'the next tab opens a stream');
		server.world.alerts.delete(2);
		server.dev.publish('alert_gone', { id: 2 });
		await others[0].waitForFunction(() => document.title.startsWith('(2)'), undefined, { timeout: 8000 });
	})],
	['a_tab_of_a_host_hears_its_values_beside_others', () => on('/', '.wall', async (page, server, context) => {
		await open(context, `${server.address}${db}`, '.card');
		await until(() => [...server.dev.clients].some((c) => c.host === 'db1.shop.example') && server.dev.clients.size === 1, 'the stream of the host serves both');
		server.dev.publish('alert_gone', { id: 1 });
		await page.waitForFunction(() => document.title.startsWith('(3)'));
	})],
];

const munin = '/sources?source=web1.shop.example%2Fmunin%2Fmunin';
const sources = [
	['the_worst_source_is_shown_and_says_what_to_do', () => on('/sources', '#source', async (page) => {
		const text = await page.locator('#source').innerText();
		for (const part of ['db1.shop.example', 'Failing since', 'not as down', 'authenticate ✗', 'access denied', 'user and password', 'magpie doctor']) {
			assert.ok(text.includes(part), `${part} in ${text}`);
		}
	})],
	['a_source_is_chosen_by_address_and_by_click', () => on(munin, '#source', async (page) => {
		assert.match(await page.locator('#source').innerText(), /if_eth0[\s\S]*exit code 1/);
		await page.getByRole('link', { name: 'nas1.office.example:4949' }).click();
		await page.waitForFunction(() => location.search.includes('nas1.office.example'));
		assert.match(await page.locator('#source').innerText(), /connection refused[\s\S]*18 times/);
		await page.goBack();
		await page.waitForFunction(() => document.querySelector('#source h2')?.textContent === 'web1.shop.example');
	})],
	['segments_and_filter_narrow_the_list', () => on('/sources', '.sources', async (page) => {
		const rows = () => page.locator('.sources tbody tr').count();
		assert.equal(await rows(), 9);
		await page.getByRole('link', { name: 'Silent 3' }).click();
		await page.waitForFunction(() => document.querySelectorAll('.sources tbody tr').length === 3);
		await page.getByRole('link', { name: 'Complaining 1' }).click();
		await page.waitForFunction(() => document.querySelectorAll('.sources tbody tr').length === 1);
		await page.goto(`${new URL(page.url()).origin}/sources?q=exit`);
		await page.waitForFunction(() => document.querySelectorAll('.sources tbody tr').length === 1);
	})],
	['a_source_that_fails_shows_within_250_ms', () => on('/sources', '.sources', async (page, server) => {
		await until(() => [...server.dev.clients].some((c) => c.sources), 'the stream carries sources');
		return quickest(5, 250, async (i) => {
			const source = { ...server.world.sources.get('web1.shop.example/service/nginx'), state: 'failing', error: `greet: no answer within ${i} s` };
			return after(page, `.sources .sub:has-text("within ${i} s")`, () => server.dev.publish('sources', { sources: [source], gone: [] }));
		});
	})],
	['a_source_that_is_gone_leaves_and_too_many_changes_are_asked_for', () => on(munin, '#source', async (page, server) => {
		await until(() => [...server.dev.clients].some((c) => c.sources), 'the stream carries sources');
		server.dev.publish('sources', { sources: [], gone: ['web1.shop.example/munin/munin'] });
		await page.waitForSelector('text=There is no source “web1.shop.example/munin/munin” any more.');
		server.dev.publish('sources', { all: true });
		await page.waitForSelector('#source');
	})],
	['keys_lead_to_sources_and_through_them', () => on('/', '.wall', async (page) => {
		await page.keyboard.press('g');
		await page.keyboard.press('s');
		await page.waitForSelector('.sources');
		await page.keyboard.press('j');
		await page.keyboard.press('j');
		await page.keyboard.press('Enter');
		await page.waitForFunction(() => location.search.includes('source=nas1'));
	})],
	['the_reason_of_a_failing_check_stands_beside_it', () => on('/problems', '.prob', async (page, server) => {
		await listening(server);
		server.dev.publish('alert', { ...server.world.alerts.get(1), extinfo: 'greet: no answer within 5 s' });
		await page.waitForSelector('.prob .sub:has-text("greet: no answer within 5 s")');
	})],
];

const charts = [
	['what_is_over_and_what_was_noted_stands_in_the_graph', () => on(`${db}/df`, '.card canvas', async (page) => {
		await page.waitForSelector('.chart.h324[aria-label*="deployed 1.2"]');
	})],
	['charts_of_one_span_ask_once_for_their_marks', () => on(db, '.card canvas', async (page, server) => {
		await until(() => dataRequests(server).length > 3, 'values are asked for');
		const asked = server.dev.requests.filter((r) => r.startsWith('/api/v1/marks'));
		assert.equal(asked.length, 1, asked.join());
	})],
	['dragging_zooms_address_and_request', () => on(`${db}/df`, '.card canvas', async (page, server) => {
		await page.waitForSelector('.chart.h324 .u-over');
		server.dev.requests.length = 0;
		const now = Date.now() / 1000;
		await drag(page, 0.25, 0.5);
		await page.waitForFunction(() => location.search.includes('from='));
		const at = new URL(page.url()).searchParams;
		const [from, to] = [Number(at.get('from')), Number(at.get('to'))];
		assert.ok(Math.abs(from - (now - 86400 * 0.75)) < 1500 && Math.abs(to - (now - 86400 * 0.5)) < 1500, `${from - now} ${to - now}`);
		await until(() => dataRequests(server).some((q) => q.get('from') === String(from) && q.get('to') === String(to)), 'values of that span are asked for');
		await page.goBack();
		await page.waitForFunction(() => !location.search.includes('from='));
	})],
	['ctrl_and_wheel_zoom_in', () => on(`${db}/df`, '.chart.h324 canvas', async (page) => {
		const box = await page.locator('.chart.h324').boundingBox();
		await page.mouse.move(box.x + box.width / 2, box.y + 100);
		await page.keyboard.down('Control');
		await page.mouse.wheel(0, -100);
		await page.keyboard.up('Control');
		await page.waitForFunction(() => location.search.includes('from='));
		const at = new URL(page.url()).searchParams;
		assert.ok(Math.abs(Number(at.get('to')) - Number(at.get('from')) - 57600) < 60);
	})],
	['requests_ask_for_two_points_a_pixel_at_most', () => on(web, '.card canvas', async (page, server) => {
		await until(() => dataRequests(server).length > 0, 'values');
		for (const q of dataRequests(server)) {
			assert.ok((Number(q.get('to')) - Number(q.get('from'))) / Number(q.get('step')) <= 2 * 1280, String(q));
			assert.equal(q.get('graphed'), '1');
		}
	})],
	['charts_out_of_sight_ask_nothing', () => on(web, '.card canvas', async (page, server) => {
		await page.waitForTimeout(400);
		assert.ok(await page.locator('.card').count() > 40);
		assert.ok(dataRequests(server).length < 12 * 3, String(dataRequests(server).length));
		assert.ok(await page.locator('canvas').count() < 12);
	})],
	['curves_follow_the_theme', () => on(`${db}/df`, '.card canvas', async (page) => {
		await page.waitForTimeout(200);
		assert.ok(await pixels(page, 'series-1') > 100, 'light');
		await page.evaluate(() => {
			document.querySelector('.card canvas').dataset.old = '1';
		});
		await page.emulateMedia({ colorScheme: 'dark' });
		await page.waitForSelector('.chart.h324 canvas:not([data-old])');
		await page.waitForTimeout(100);
		assert.ok(await pixels(page, 'series-1') > 100, 'dark');
	})],
	['a_switched_off_curve_is_gone_from_plot_and_address_keeps_it', () => on(`${db}/df`, '.chart.h324 canvas', async (page, server) => {
		await page.waitForTimeout(200);
		assert.ok(await pixels(page, 'series-2') > 100);
		await page.locator('.card .tog', { hasText: '/home' }).first().click();
		await page.waitForFunction(() => location.search === '?hide=_home');
		await page.waitForTimeout(150);
		assert.equal(await pixels(page, 'series-2'), 0);
		assert.equal(await page.locator('.card .tog', { hasText: '/home' }).first().getAttribute('aria-pressed'), 'false');
		await page.goto(`${server.address}${db}/df?hide=_home`);
		await page.waitForSelector('.card .tog[aria-pressed="false"]');
	})],
	['arrow_keys_read_the_chart_out', () => on(`${db}/df`, '.chart.h324 canvas', async (page) => {
		await page.locator('.chart.h324').focus();
		await page.keyboard.press('ArrowLeft');
		await page.keyboard.press('ArrowLeft');
		await page.waitForFunction(() => /\/var 9\d/.test(document.querySelector('[aria-live]')?.textContent ?? ''));
		assert.match(await page.locator('.readout').innerText(), /\/var 9\d(\.\d+)?\s%/);
		await page.keyboard.press('Escape');
		await page.waitForFunction(() => document.querySelector('.readout')?.textContent.includes('each point is'));
		assert.match(page.url(), /df$/, 'Escape leaves the cursor, not the page');
	})],
	['the_chart_says_what_it_shows', () => on(`${db}/df`, '.chart.h324 canvas', async (page) => {
		assert.match(await page.locator('.chart.h324').getAttribute('aria-label'), /Disk usage in percent of db1\.shop\.example.*now.*highest/);
	})],
	['the_table_has_the_numbers_of_the_chart', () => on(`${db}/df?view=table`, '#data', async (page) => {
		const cells = await page.locator('#data >> xpath=ancestor::section >> css=tbody tr').first().locator('td').allInnerTexts();
		assert.equal(cells.length, 5);
		assert.ok(Number(cells[2]) > 93 && Number(cells[2]) < 97, cells.join());
	})],
	['the_export_menu_names_the_shown_span', () => on(`${db}/df?from=1700000000&to=1700003600`, '.card', async (page) => {
		await page.getByRole('button', { name: 'Export', exact: true }).click();
		const links = await page.locator('[role=menuitem][href]').evaluateAll((list) => list.map((a) => a.getAttribute('href')));
		assert.deepEqual(links.map((l) => /\.(\w+)\?/.exec(l)[1]), ['png', 'svg', 'pdf', 'eps', 'csv', 'tsv', 'json', 'xml']);
		assert.ok(links.every((l) => l.startsWith('/graph/db1.shop.example/df.') && l.includes('from=1700000000&to=1700003600')), links.join('\n'));
		await page.keyboard.press('ArrowDown');
		assert.equal(await page.evaluate(() => document.activeElement.textContent), 'SVG drawing');
		await page.keyboard.press('Escape');
		assert.equal(await page.locator('[role=menu]').count(), 0);
	})],
	['a_host_has_an_export_of_all_its_values', () => on(`/hosts/db1.shop.example?from=1700000000&to=1700003600`, '.card', async (page) => {
		await page.locator('.head').getByRole('button', { name: 'Export', exact: true }).click();
		const links = await page.locator('[role=menuitem][href]').evaluateAll((list) => list.map((a) => a.getAttribute('href')));
		assert.deepEqual(links, [...['csv', 'tsv', 'json', 'xml'].map((format) =>
			`/api/v1/export.${format}?match=db1.shop.example&from=1700000000&to=1700003600`), '/api/v1/export.tar.gz?match=db1.shop.example']);
	})],
	['why_tells_value_limit_rule_and_runbook', () => on(`${db}/df`, '#why', async (page) => {
		const text = await page.locator('aside').innerText();
		for (const part of ['df:_var', '97.5 %', '> 97 % for 2 m', 'disk_full', 'warning above 92', 'nothing suppresses it']) {
			assert.ok(text.includes(part), part);
		}
		assert.equal(await page.getByRole('link', { name: 'Runbook' }).getAttribute('href'), 'https://wiki.example/disk');
	})],
	['a_runbook_that_is_no_address_is_no_link', () => on(`${db}/df`, '#why', async (page, server) => {
		await listening(server);
		server.dev.publish('alert', { ...server.world.alerts.get(1), runbook: 'javascript:alert(1)' });
		await page.waitForSelector('text=Runbook: javascript');
		assert.equal(await page.locator('a[href^="javascript"]').count(), 0);
	})],
];

const keyboard = [
	['keys_go_to_pages_and_move_in_lists', () => on('/', '.wall', async (page) => {
		await page.keyboard.press('g');
		await page.keyboard.press('p');
		await page.waitForSelector('h1:has-text("Problems")');
		await page.keyboard.press('j');
		await page.keyboard.press('j');
		assert.match(await page.evaluate(() => document.activeElement.textContent), /web1\.shop\.example/);
		await page.keyboard.press('k');
		await page.keyboard.press('Enter');
		await page.waitForURL(/\/hosts\/db1\.shop\.example\/df/);
		await page.waitForSelector('#why');
		await page.keyboard.press('Escape');
		await page.waitForURL(/\/hosts\/db1\.shop\.example$/);
	})],
	['slash_filters_and_escape_leaves_the_field', () => on('/', '.wall', async (page) => {
		await page.keyboard.press('/');
		await page.keyboard.type('nas1');
		await page.waitForFunction(() => document.querySelectorAll('.wall tbody tr[data-nav]').length === 1);
		assert.match(page.url(), /\?q=nas1/);
		await page.keyboard.press('Escape');
		await page.keyboard.press('g');
		await page.keyboard.press('h');
		await page.waitForURL(/\/hosts$/);
	})],
	['digits_and_brackets_choose_the_span', () => on(web, '.card', async (page) => {
		await page.keyboard.press('3');
		await page.waitForURL(/period=week/);
		await page.keyboard.press('[');
		await page.waitForURL(/period=week.*to=\d+/);
		await page.keyboard.press(']');
		await page.waitForFunction(() => !location.search.includes('to='));
		await page.keyboard.press('1');
		await page.waitForURL(/period=hour/);
		await page.keyboard.press('t');
		await page.locator('input[type=datetime-local]').first().fill('2026-01-02T03:00');
		await page.locator('input[type=datetime-local]').last().fill('2026-01-02T09:00');
		await page.keyboard.press('Enter');
		await page.waitForURL(/from=\d+&to=\d+/);
	})],
	['escape_in_a_dialog_or_menu_stays_on_the_page', () => on(`${db}/df`, '.card', async (page) => {
		await page.keyboard.press('t');
		await page.waitForSelector('dialog[open]');
		await page.getByRole('button', { name: /Cancel/ }).focus();
		await page.keyboard.press('Escape');
		await page.waitForFunction(() => !document.querySelector('dialog'));
		await page.locator('.settings summary').click();
		await page.keyboard.press('Escape');
		assert.match(page.url(), /df$/);
		await page.keyboard.press('Escape');
		await page.waitForURL(/db1\.shop\.example$/);
	})],
	['back_returns_to_the_same_place', () => on(web, '.card', async (page) => {
		const link = page.locator('.card h3 a', { hasText: 'Fork rate' });
		await link.scrollIntoViewIfNeeded();
		const y = await page.evaluate(() => scrollY);
		assert.ok(y > 1000);
		await link.click();
		await page.waitForSelector('h1:has-text("Fork rate")');
		assert.equal(await page.evaluate(() => scrollY), 0);
		await page.goBack();
		await page.waitForFunction((was) => Math.abs(scrollY - was) < 3, y);
	})],
	['the_palette_finds_a_service', () => on('/', '.wall', async (page) => {
		await page.keyboard.press('Control+k');
		await page.keyboard.type('db1 inode');
		await page.waitForSelector('[role=option]:has-text("Inode usage")');
		await page.keyboard.press('Enter');
		await page.waitForURL(/db1\.shop\.example\/(df|open)_inode/);
		assert.equal(await page.locator('dialog').count(), 0);
	})],
	['help_opens_and_single_keys_can_be_switched_off', () => on('/', '.wall', async (page) => {
		await page.keyboard.press('?');
		await page.getByRole('dialog').getByLabel('Single keys').uncheck();
		await page.keyboard.press('Escape');
		await page.waitForFunction(() => !document.querySelector('dialog'));
		await page.keyboard.press('g');
		await page.keyboard.press('p');
		await page.waitForTimeout(100);
		assert.equal(new URL(page.url()).pathname, '/');
		await page.reload();
		await page.waitForSelector('.wall');
		assert.equal(await page.evaluate(() => localStorage.getItem('magpie.keys')), 'off');
	})],
	['the_theme_is_chosen_and_kept', () => on('/', '.wall', async (page) => {
		await page.locator('.settings summary').click();
		await page.getByLabel('Dark').check();
		assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
		await page.reload();
		await page.waitForSelector('.wall');
		assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
		await page.locator('.settings summary').click();
		await page.getByLabel('High contrast').check();
		assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'contrast');
		await page.getByLabel('As the system').check();
		assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), undefined);
	})],
];

const faults = [
	['a_lost_server_is_said_and_found_again', () => on('/', '.wall', async (page, server) => {
		await listening(server);
		server.dev.down = true;
		server.dev.clients.forEach((c) => c.res.destroy());
		await page.waitForSelector('.top.offline', { timeout: 12000 });
		assert.match(await page.locator('.live').innerText(), /Offline since/);
		assert.match(await page.locator('main').innerText(), /This page is offline/);
		server.dev.down = false;
		await page.waitForSelector('.top:not(.offline)', { timeout: 20000 });
	}, { complains: true })],
	['a_stale_server_is_said', () => on('/', '.wall', async (page, server) => {
		await listening(server);
		server.dev.publish('stale', { stale: true, since: new Date().toISOString() });
		await page.waitForSelector('.top.stale');
		assert.match(await page.locator('main').innerText(), /lost the engine/);
		server.dev.publish('stale', { stale: false, since: null });
		await page.waitForSelector('.top:not(.stale)');
	})],
	['old_samples_are_never_shown_as_live', () => on('/', '.wall', async (page, server) => {
		const late = new Date(Date.now() - 60_000).toISOString();
		await listening(server);
		server.world.lastSeen = () => Date.now() - 60_000;
		for (const h of server.world.hosts.values()) {
			server.dev.publish('host', { ...server.world.wallHost(h), last_seen: late });
		}
		await page.waitForSelector('.top.stale');
		assert.match(await page.locator('.live').innerText(), /Stale\s+(1\sm|59\ss)/);
	})],
	['a_refused_configuration_is_shown_with_its_diagnostics', () => on('/', '.wall', async (page, server) => {
		await listening(server);
		const text = 'rules.d/disk.magpie:4:9: unknown unit "GBB", did you mean "GB"?\n    warn > 92 GBB\n              ^~~';
		server.dev.publish('status', { ...server.world.status(), rules_error: text });
		assert.equal(await page.locator('pre.out').innerText(), text);
		server.dev.publish('status', { ...server.world.status(), rules_error: null });
		await page.waitForFunction(() => !document.querySelector('pre.out'));
	})],
	['events_arrive_at_the_foot_of_the_wall', () => on('/', '.wall', async (page, server) => {
		await listening(server);
		await after(page, 'text=disk sda is gone', () => server.dev.publish('event', { t: new Date().toISOString(), kind: 'host.note', object: 'web1', text: 'disk sda is gone' }));
		assert.match(await page.locator('section:has(#happenings) tbody tr').first().innerText(), /disk sda is gone/);
	})],
	['a_resync_reads_everything_again', () => on('/', '.wall', async (page, server) => {
		await listening(server);
		server.dev.requests.length = 0;
		server.dev.publish('resync', {});
		await until(() => server.dev.requests.includes('/api/v1/wall') && server.dev.requests.includes('/api/v1/alerts'), 'questions');
	})],
	['broken_event_data_does_no_harm', () => on('/', '.wall', async (page, server) => {
		await listening(server);
		server.dev.clients.forEach((c) => c.res.write('event: alert\ndata: {"id":\n\nevent: nonsense\ndata: 1\n\n'));
		server.dev.publish('alert_gone', { id: 1 });
		await page.waitForFunction(() => document.title.startsWith('(3)'));
	})],
	['an_archive_that_fails_leaves_the_page_and_can_be_asked_again', () => on(`${db}/df`, '.card', async (page, server) => {
		await page.waitForSelector('.chart-error');
		assert.match(await page.locator('.chart-error').first().innerText(), /the archive is away/i);
		server.dev.archiveDown = false;
		await page.locator('.chart-error button').first().click();
		await page.waitForSelector('.chart.h324 canvas');
	}, { variant: 'no_archive', complains: true })],
];

await run([...live, ...sources, ...charts, ...keyboard, ...faults], () => b.close());
