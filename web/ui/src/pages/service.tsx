// One graph, large: any span of time, values under the cursor, limits, and why an alert is here.
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Failure, hostPath, servicePath } from '../api';
import { Chart } from '../chart/chart';
import { DataTable } from '../chart/data_table';
import { Legend, Limits, toggled } from '../chart/legend';
import { planOf, type Plan } from '../chart/plan';
import { periodSeconds, spanOfAddress, toSpan, type Period, type Span } from '../chart/span';
import type { Table } from '../chart/source';
import type { PlotSpec } from '../chart/spec';
import { Age } from '../components/age';
import { Broken, Empty } from '../components/empty';
import { ExportMenu } from '../components/export_menu';
import { useHost } from '../components/host_data';
import { Icon } from '../components/icon';
import { When } from '../components/instant';
import { KeyLine } from '../components/key_line';
import { Chip } from '../components/mark';
import { SpanBar } from '../components/span_bar';
import { worst } from '../format/level';
import { measure, plain, quantity } from '../format/number';
import { date, moment, seconds } from '../format/time';
import { navigate, parameter, replaceParameters, withParameters } from '../router';
import { serverNow } from '../state/clock';
import { addKeys } from '../state/keys';
import { title as pageTitle } from '../state/favicon';
import { alerts, hosts, isOld, latest } from '../state/store';
import type { Alert, Field, Host, Service } from '../types';
import { Missing } from './missing';
import { Why } from './why';

const overview: Period[] = ['day', 'week', 'month', 'year'];
const nothing: ReadonlySet<string> = new Set();

function alertsOf(host: string, service: string): Alert[] {
	return [...alerts.value.values()].filter((a) => a.host === host && a.service === service);
}

function Head({ host, service, list }: { host: Host; service: Service; list: Alert[] }) {
	const loud = list.filter((a) => a.state !== 'pending' && !a.suppressed_by);
	const level = worst(loud.map((a) => a.level));
	const first = loud.find((a) => a.level === level);
	const seen = hosts.value.get(host.host) ?? host;
	return (
		<div class="head">
			<h1>
				<span class="crumb">
					<a href={`/?q=group:${encodeURIComponent(host.group)}`}>{host.group}</a> / <a href={hostPath(host.host)}>{host.host}</a> /
				</span>{' '}
				{service.title || service.service}{' '}
				{first ? <Chip level={level}>{first.label || first.field} {first.value_text}</Chip> : <Chip level="ok">ok</Chip>}
			</h1>
			<span class="push small muted">
				<span class={isOld(seen) ? 'val unknown small' : ''}><Age at={seen.last_seen} suffix=" ago" /></span>, plugin{' '}
				<code>{service.service}</code>, every {service.step || host.step} s
				{moment(service.first_seen) > 0 && <>, since <When at={service.first_seen ?? null} /></>}
			</span>
		</div>
	);
}

function Tools({ host, service, span, fit, table }: {
	host: Host; service: Service; span: Span; fit: PlotSpec['fit']; table: boolean;
}) {
	const axes: [PlotSpec['fit'], string][] = [['given', 'As given'], ['fit', 'Fit'], ['zero', 'From 0']];
	return (
		<div class="bar">
			<SpanBar span={span} />
			<ExportMenu host={host.host} service={service.service} title={service.title} span={span} small={false} />
			<div class="seg desk" role="group" aria-label="Axis">
				{axes.map(([key, word]) => (
					<a key={key} href={withParameters({ axis: key === 'given' ? null : key })} aria-current={fit === key ? 'true' : undefined}>
						{word}
					</a>
				))}
			</div>
			<button class={`btn ${table ? 'on' : ''}`} aria-pressed={table}
				onClick={() => replaceParameters({ view: table ? null : 'table' })}>
				<Icon name="table" />Data table
			</button>
		</div>
	);
}

/** The values under the cursor. */
function Readout({ plan, table, cursor, hidden }: {
	plan: Plan; table: Table | null; cursor: Signal<number | null>; hidden: ReadonlySet<string>;
}) {
	const at = cursor.value;
	const hint = <span class="push faint desk">drag or Ctrl + wheel to zoom, ← → to step, Esc to leave</span>;
	if (at === null || !table) {
		return <p class="readout">{table ? <span class="faint">each point is {table.step} s</span> : <span>reading…</span>}{hint}</p>;
	}
	const t = (table.t0 + (at + 1) * table.step) * 1000;
	return (
		<p class="readout">
			<span><b>{date(t)} {seconds(t)}</b></span>
			{plan.curves.filter((c) => !hidden.has(c.field.field)).slice(0, 8).map((c) => (
				<span key={`${c.field.field}${c.mirrored}`}>
					{c.label} <b>{measure(table.average[c.field.id]?.[at], plan.axis.scale, plan.axis.suffix)}</b>
				</span>
			))}
			{hint}
		</p>
	);
}

function Main({ host, service, plan, span, fit, hidden }: {
	host: Host; service: Service; plan: Plan; span: Span; fit: PlotSpec['fit']; hidden: ReadonlySet<string>;
}) {
	const table = useSignal<Table | null>(null);
	const cursor = useSignal<number | null>(null);
	const toggle = (field: string) => replaceParameters({ hide: [...toggled(hidden, field)].join(',') || null });
	return (
		<>
			<section class="card" aria-label="Chart">
				<Readout plan={plan} table={table.value} cursor={cursor} hidden={hidden} />
				<Chart host={host.host} sampleStep={service.step || host.step} service={service} plan={plan} span={span} height={324} hidden={hidden} fit={fit}
					large table={table} cursor={cursor} onZoom={(from, to) => navigate(toSpan(from, to))} />
				<Legend host={host.host} plan={plan} table={table.value} hidden={hidden} toggle={toggle} at={cursor} rows={1000} more="" />
				{service.info && <p class="note-line">{service.info}</p>}
			</section>
			{parameter('view') === 'table' && table.value && <div class="gap-top"><DataTable plan={plan} table={table.value} /></div>}
		</>
	);
}

/** The same by day, week, month and year, as small plots that lead there. */
function Small({ host, service, plan, period }: { host: Host; service: Service; plan: Plan; period: Period }) {
	const table = useSignal<Table | null>(null);
	const cursor = useSignal<number | null>(null);
	const [hidden, setHidden] = useState<ReadonlySet<string>>(nothing);
	const span = useMemo<Span>(() => {
		const to = Math.floor(serverNow() / 1000);
		return { from: to - periodSeconds[period], to, period, live: true, young: false };
	}, [period]);
	const href = `${servicePath(host.host, service.service)}?period=${period}`;
	return (
		<section class="card" aria-label={period}>
			<header><h3><a href={href}>{period}</a></h3></header>
			<Chart host={host.host} sampleStep={service.step || host.step} service={service} plan={plan} span={span} height={114} hidden={hidden}
				fit="given" large={false} table={table} cursor={cursor} onZoom={(from, to) => navigate(toSpan(from, to))} />
			<Legend host={host.host} plan={plan} table={table.value} hidden={hidden} toggle={(field) => setHidden(toggled(hidden, field))}
				at={cursor} rows={3} more={href}
				narrow />
		</section>
	);
}

/** Since when the series exists, and when it had a value last. */
function Seen({ field: f }: { field: Field }) {
	return <><When at={f.first_seen ?? null} />, {moment(f.last_seen) > 0 ? <Age at={f.last_seen ?? null} suffix=" ago" /> : 'never'}</>;
}

function Fields({ service, plan }: { service: Service; plan: Plan }) {
	return (
		<section class="panel">
			<header><h2>Fields</h2><span class="small muted">as the plugin reports them</span></header>
			<div class="scroll" role="region" aria-label="Fields" tabIndex={0}>
				<table class="t">
					<thead>
						<tr>
							<th scope="col">Label</th><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Drawn</th>
							<th scope="col" class="num">Now</th><th scope="col" class="num">Least</th><th scope="col" class="num">Most</th>
							<th scope="col">Limits</th><th scope="col">Rules</th><th scope="col">First, last seen</th>
							<th scope="col">What it is</th>
						</tr>
					</thead>
					<tbody>
						{service.fields.map((f) => (
							<tr key={f.field}>
								<td>{f.label || f.field}{f.gone && <span class="faint"> gone</span>}</td>
								<td><code>{f.field}</code></td>
								<td>{f.type.toLowerCase()}</td>
								<td>{f.graph ? (f.draw || 'LINE1').toLowerCase() : '–'}</td>
								<td class="num">{quantity(latest.value.get(f.id) ?? f.last?.v, f.cdef ? plain : plan.axis.scale)}</td>
								<td class="num">{quantity(f.min, plain)}</td>
								<td class="num">{quantity(f.max, plain)}</td>
								<td>{f.limits.length > 0 ? <Limits field={f} axis={plan.axis} /> : '–'}</td>
								<td>{[...new Set(f.limits.map((l) => l.rule))].map((rule) => <code key={rule}>{rule} </code>)}</td>
								<td class="nowrap"><Seen field={f} /></td>
								<td class="muted">{f.info}{f.extinfo && <span class="sub">{f.extinfo}</span>}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
		</section>
	);
}

function fitOfAddress(): PlotSpec['fit'] {
	const axis = parameter('axis');
	return axis === 'fit' || axis === 'zero' ? axis : 'given';
}

function Content({ host, service }: { host: Host; service: Service }) {
	const plan = useMemo(() => planOf(service), [service]);
	const span = spanOfAddress(host.strip);
	const hide = parameter('hide') ?? '';
	const hidden = useMemo<ReadonlySet<string>>(() => new Set(hide.split(',').filter(Boolean)), [hide]);
	const list = alertsOf(host.host, service.service);
	useEffect(() => {
		pageTitle.value = `${host.host} ${service.title || service.service}`;
	}, [host.host, service]);
	const main = <Main host={host} service={service} plan={plan} span={span} fit={fitOfAddress()} hidden={hidden} />;
	return (
		<>
			<Head host={host} service={service} list={list} />
			<Tools host={host} service={service} span={span} fit={fitOfAddress()} table={parameter('view') === 'table'} />
			{list.length > 0 ? <div class="side"><div>{main}</div><Why list={list} service={service} /></div> : main}
			<div class="charts four gap">
				{overview.map((p) => <Small key={p} host={host} service={service} plan={plan} period={p} />)}
			</div>
			<Fields service={service} plan={plan} />
			<KeyLine keys={[['[ ]', 'earlier, later'], ['t', 'span'], ['1 … 5', 'hour to year'], ['← →', 'step'], ['Esc', 'to the host'], ['?', 'all keys']]} />
		</>
	);
}

export function ServicePage({ host: name, service: wanted }: { host: string; service: string }) {
	const { host, error, again } = useHost(name);
	useEffect(() => addKeys({ Escape: () => navigate(hostPath(name)) }), [name]);
	if (!host) {
		if (error instanceof Failure && error.status === 404) {
			return <Missing what={`No host is called “${name}”`} />;
		}
		return error
			? <div class="panel"><Broken what={`${name} ${wanted}`} why={error.message} again={again} /></div>
			: <div class="panel" aria-busy="true"><Empty title="Reading…" /></div>;
	}
	const service = host.services.find((s) => s.service === wanted);
	return service ? <Content host={host} service={service} /> : <Missing what={`${name} has no service “${wanted}”`} />;
}
