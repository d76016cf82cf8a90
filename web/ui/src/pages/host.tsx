// One host as Munin shows it: every graph, by category, for an hour to a year; with what is wrong on top.
import { useEffect, useMemo } from 'preact/hooks';
import { Failure, servicePath } from '../api';
import { Card } from '../chart/card';
import { spanOfAddress, type Span } from '../chart/span';
import { Age } from '../components/age';
import { Broken, Empty } from '../components/empty';
import { ExportMenu } from '../components/export_menu';
import { useHost } from '../components/host_data';
import { When } from '../components/instant';
import { KeyLine } from '../components/key_line';
import { Chip, Mark } from '../components/mark';
import { Said, subject } from '../components/problem_table';
import { SpanBar } from '../components/span_bar';
import { Strip } from '../components/strip';
import { levelClass, worst } from '../format/level';
import { digits, plural } from '../format/number';
import { age, moment } from '../format/time';
import { categories as known, hosts, isOld, latest, pending, problems } from '../state/store';
import type { Alert, Host, Level, Service } from '../types';
import { Missing } from './missing';

const noticesShown = 3;

interface Category {
	name: string;
	services: Service[];
}

function categoriesOf(host: Host): Category[] {
	const found = new Map<string, Service[]>();
	for (const s of host.services.filter((x) => x.graph && x.fields.some((f) => f.graph && !f.gone))) {
		found.set(s.category, [...(found.get(s.category) ?? []), s]);
	}
	const place = (name: string) => known.peek().indexOf(name) >>> 0; /* what is not on the wall comes last */
	return [...found].map(([name, services]) => ({ name, services })).sort((a, b) => place(a.name) - place(b.name));
}

function levelOf(list: Alert[], service: string): Level {
	return worst(list.filter((a) => a.service === service).map((a) => a.level));
}

function chipText(list: Alert[], level: Level): string {
	const n = list.filter((a) => a.level === level).length;
	return level === 'warning' ? plural(n, 'warning') : `${n} ${level}`;
}

function Head({ host, list, span }: { host: Host; list: Alert[]; span: Span }) {
	const seen = hosts.value.get(host.host);
	const level = worst([...list.map((a) => a.level), seen?.state === 'unknown' ? 'unknown' : 'ok']);
	return (
		<div class="head">
			<h1>
				<span class="crumb"><a href={`/?q=group:${encodeURIComponent(host.group)}`}>{host.group}</a> /</span> {host.host}{' '}
				<Chip level={level}>{list.some((a) => a.level === level) ? chipText(list, level) : level}</Chip>
			</h1>
			<span class="push" />
			<SpanBar span={span} />
			<ExportMenu host={host.host} title={host.host} span={span} small={false} />
		</div>
	);
}

/** A last value of the host itself, as the engine or a plugin counted it. */
function last(host: Host, service: string, field: string): number | null {
	const found = host.services.find((s) => s.service === service)?.fields.find((f) => f.field === field);
	return found ? (latest.value.get(found.id) ?? found.last?.v ?? null) : null;
}

function Facts({ host }: { host: Host }) {
	const seen = hosts.value.get(host.host) ?? host;
	const took = last(host, 'node', 'fetch_time');
	const up = last(host, 'uptime', 'uptime');
	const cpus = last(host, 'node', 'cpus');
	const series = host.services.reduce((n, s) => n + s.fields.length, 0);
	return (
		<dl class="facts">
			<div>
				<dt>sample</dt>
				<dd>
					<span class={isOld(seen) ? 'val unknown small' : ''}><Age at={seen.last_seen} suffix=" ago" /></span>
					{took !== null && <>, took {digits(took)} s</>}{host.step > 0 && <>, every {host.step} s</>}
				</dd>
			</div>
			{up !== null && <div><dt>up</dt><dd>{age(up * 86_400_000)}</dd></div>}
			{cpus !== null && cpus > 0 && <div><dt>cores</dt><dd>{cpus}</dd></div>}
			<div><dt>services</dt><dd>{host.services.length} in {series} series</dd></div>
			{seen.tags && seen.tags.length > 0 && <div><dt>tags</dt><dd>{seen.tags.join(', ')}</dd></div>}
			{moment(host.first_seen) > 0 && <div><dt>first seen</dt><dd><When at={host.first_seen ?? null} /></dd></div>}
			<div><dt>sources</dt><dd><a href={`/sources?q=${encodeURIComponent(host.host)}`}>where it comes from</a></dd></div>
			<div><dt>24 h</dt><dd><Strip letters={seen.strip} of={host.host} /></dd></div>
		</dl>
	);
}

function Notices({ host, list }: { host: Host; list: Alert[] }) {
	const seen = hosts.value.get(host.host) ?? host;
	return (
		<>
			{seen.error && (
				<div class="notice unknown bar gap">
					<p><Mark level="unknown" /> <b>The last round failed:</b> {seen.error}. What you see below may be old.</p>
				</div>
			)}
			{list.slice(0, noticesShown).map((a) => (
				<div key={a.id} class={`notice ${levelClass[a.level]} bar gap`}>
					<p>
						<Mark level={a.level} /> <b>{subject(a)} {a.value_text}</b>{a.threshold_text && <>, limit {a.threshold_text}</>},{' '}
						for <Age at={a.since} prefix="since " />. {a.summary} <Said alert={a} />{' '}
						<a href={`${servicePath(a.host, a.service)}#why`}>Why is this alert here?</a>
					</p>
				</div>
			))}
			{list.length > noticesShown && (
				<p class="small"><a href={`/problems?q=${encodeURIComponent(host.host)}`}>{list.length - noticesShown} more problems of this host</a></p>
			)}
		</>
	);
}

function Section({ category: c, host, span, list }: { category: Category; host: Host; span: Span; list: Alert[] }) {
	const level = worst(c.services.map((s) => levelOf(list, s.service)));
	const own = list.filter((a) => c.services.some((s) => s.service === a.service));
	return (
		<>
			<div class="cat-head" id={encodeURIComponent(c.name)}>
				<h2>{c.name}</h2>
				{level === 'ok' ? <Chip level="ok">{c.services.length} ok</Chip> : <Chip level={level}>{chipText(own, level)}</Chip>}
			</div>
			<div class="charts">
				{c.services.map((s) => (
					<Card key={s.service} host={host.host} sampleStep={s.step || host.step} service={s} span={span} level={levelOf(list, s.service)} />
				))}
			</div>
		</>
	);
}

export function HostPage({ host: name }: { host: string }) {
	const { host, error, again } = useHost(name);
	const list = problems.value.filter((a) => a.host === name);
	const span = spanOfAddress(host?.strip ?? '');
	const categories = useMemo(() => (host ? categoriesOf(host) : []), [host]);
	const ready = host !== null;
	useEffect(() => {
		if (ready && location.hash) {
			document.getElementById(location.hash.slice(1))?.scrollIntoView();
		}
	}, [ready]);
	if (!host) {
		if (error instanceof Failure && error.status === 404) {
			return <Missing what={`No host is called “${name}”`} />;
		}
		return error
			? <div class="panel"><Broken what={name} why={error.message} again={again} /></div>
			: <div class="panel" aria-busy="true"><Empty title="Reading…" /></div>;
	}
	const waiting = pending.value.filter((a) => a.host === name).length;
	return (
		<>
			<Head host={host} list={list} span={span} />
			<Facts host={host} />
			<Notices host={host} list={list} />
			{waiting > 0 && (
				<p class="small muted"><Mark level="pending" /> {plural(waiting, 'value is', 'values are')} past a limit, not yet for long enough.</p>
			)}
			<div class="with-index">
				<nav class="index" aria-label="Categories">
					{categories.map((c) => {
						const level = worst(c.services.map((s) => levelOf(list, s.service)));
						return (
							<a key={c.name} href={`#${encodeURIComponent(c.name)}`}>
								{level !== 'ok' && <><Mark level={level} /><span class="hide">{level} </span></>}{c.name}
								<span class="n">{c.services.length}</span>
							</a>
						);
					})}
				</nav>
				<div>{categories.map((c) => <Section key={c.name} category={c} host={host} span={span} list={list} />)}</div>
			</div>
			<KeyLine keys={[['[ ]', 'earlier, later'], ['t', 'span'], ['1 … 5', 'hour to year'], ['j k', 'move'], ['Enter', 'zoom'], ['?', 'all keys']]} />
		</>
	);
}
