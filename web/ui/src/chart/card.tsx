// A graph on the page of its host: title, unit, plot and legend.
import { useSignal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import { servicePath } from '../api';
import { ExportMenu } from '../components/export_menu';
import { Mark } from '../components/mark';
import { levelClass } from '../format/level';
import { navigate } from '../router';
import { now } from '../state/clock';
import type { Level, Service } from '../types';
import { Chart } from './chart';
import { Legend, toggled } from './legend';
import { planOf } from './plan';
import type { Table } from './source';
import type { Span } from './span';

interface Props {
	host: string;
	sampleStep: number;
	service: Service;
	span: Span;
	level: Level;
}

const rowsInCard = 8;

/** The query a span needs on the page of the service. */
export function spanQuery(span: Span): string {
	if (span.period && span.live) {
		return `?period=${span.period}`;
	}
	return `?from=${span.from}&to=${span.to}`;
}

export function Card({ host, sampleStep, service, span, level }: Props) {
	const plan = useMemo(() => planOf(service), [service]);
	const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
	const table = useSignal<Table | null>(null);
	const cursor = useSignal<number | null>(null);
	const title = service.title || service.service;
	const href = servicePath(host, service.service) + spanQuery(span);
	const zoom = (from: number, to: number) =>
		navigate(`${servicePath(host, service.service)}?from=${Math.round(from)}&to=${Math.round(Math.min(to, now.peek() / 1000))}`);
	return (
		<section class={`card ${level === 'ok' ? '' : levelClass[level]}`} aria-label={title} data-nav>
			<header>
				{level !== 'ok' && <><Mark level={level} /><span class="hide">{level}</span></>}
				<h3><a href={href}>{title}</a></h3>
				<span class="unit">{plan.axis.label}</span>
				<span class="acts"><ExportMenu host={host} service={service.service} title={title} span={span} small /></span>
			</header>
			<Chart host={host} sampleStep={sampleStep} service={service} plan={plan} span={span} height={164} hidden={hidden} fit="given"
				large={false} table={table} cursor={cursor} onZoom={zoom} />
			<Legend host={host} plan={plan} table={table.value} hidden={hidden} toggle={(field) => setHidden(toggled(hidden, field))}
				at={cursor} rows={rowsInCard} more={href} />
		</section>
	);
}
