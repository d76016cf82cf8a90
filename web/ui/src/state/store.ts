// What this tab knows: hosts, alerts, status and how fresh all of it is. Filled by questions at the start and after a
// gap, kept by events in between. Components read signals and never ask for these themselves.
import { batch, computed, signal } from '@preact/signals';
import { get } from '../api';
import { bySeverity, isProblem } from '../format/level';
import { moment } from '../format/time';
import type { Alert, Happening, Level, Status, StreamEvents, Totals, Wall, WallHost } from '../types';
import { now, setServerTime } from './clock';
import { takeSources } from './sources';
import type { EventName } from '../stream';

const eventsMax = 50;
/** A host counts as silent after this many rounds. */
const roundsMax = 3;
const askAgainMs = 10_000;

export const categories = signal<string[]>([]);
export const totals = signal<Totals | null>(null);
export const hosts = signal<ReadonlyMap<string, WallHost>>(new Map());
export const alerts = signal<ReadonlyMap<string, Alert>>(new Map());
export const status = signal<Partial<Status> | null>(null);
export const events = signal<Happening[]>([]);
/** Why the wall or the alerts could not be read; null when they could. */
export const trouble = signal<string | null>(null);
export const loaded = signal(false);

const linked = signal(false);
const lostAt = signal<number | null>(null);
const toldStale = signal(false);
const newestLive = signal(NaN);

/** Instant of the newest sample known here; NaN when there is none. */
export const newest = computed(() => {
	let found = Number.isFinite(newestLive.value) ? newestLive.value : -Infinity;
	for (const host of hosts.value.values()) {
		const seen = moment(host.last_seen);
		found = seen > found ? seen : found;
	}
	return found === -Infinity ? NaN : found;
});

/** Seconds between two rounds of the quickest host. */
const quickestStep = computed(() => {
	const steps = [...hosts.value.values()].map((h) => h.step || 10);
	return steps.length > 0 ? Math.min(...steps) : 10;
});

export type Freshness = 'connecting' | 'live' | 'stale' | 'offline';

/** How far this page can be trusted, for the bar's lower edge. */
export const freshness = computed<Freshness>(() => {
	if (lostAt.value !== null && now.value - lostAt.value > 3000) {
		return 'offline';
	}
	if (!loaded.value) {
		return 'connecting';
	}
	const old = now.value - newest.value > roundsMax * quickestStep.value * 1000;
	return toldStale.value || old ? 'stale' : 'live';
});

export const offlineSince = computed(() => lostAt.value);

/** Told as stale by the server itself: its own parts do not reach each other. */
export const serverStale = computed(() => toldStale.value);

export const problems = computed(() => [...alerts.value.values()].filter(isProblem).sort(bySeverity));
export const suppressed = computed(() =>
	[...alerts.value.values()].filter((a) => a.suppressed_by && a.state !== 'pending').sort(bySeverity));
export const pending = computed(() =>
	[...alerts.value.values()].filter((a) => a.state === 'pending' && !a.suppressed_by).sort(bySeverity));
export const notices = computed(() =>
	[...alerts.value.values()].filter((a) => a.level === 'notice' && a.state !== 'pending' && !a.suppressed_by)
		.sort(bySeverity));

export function countOf(level: Level): number {
	return problems.value.filter((a) => a.level === level).length;
}

/** True when a host's samples are too old to be shown as now; never of one that has none of its own (its step is 0). */
export function isOld(host: Pick<WallHost, 'last_seen' | 'step'>): boolean {
	const seen = moment(host.last_seen);
	return host.step !== 0 && !(now.value - seen <= roundsMax * Math.max(host.step || 10, 10) * 1000);
}

/** Newest live values by series, as stored, of the hosts this tab has shown. */
export const latest = signal<ReadonlyMap<string, number | null>>(new Map());

/** Listeners for live values, by the charts that show them. */
export type LiveValues = (tMs: number, values: Record<string, number | null>) => void;
const liveListeners = new Set<LiveValues>();

export function onLive(listener: LiveValues): () => void {
	liveListeners.add(listener);
	return () => liveListeners.delete(listener);
}

/** Counts up whenever pages should read again what they hold themselves: events may have been missed. */
export const generation = signal(0);

let asking = false;
let askedAt = 0;
/** Asked for while an answer was under way, which may be older than what made us ask. */
let wanted: { gap: boolean } | null = null;
/** Events that came while an answer was under way: they may be newer than it. */
let held: (() => void)[] = [];

/** Asks for everything again. `gap`: events may have been missed, so that pages read again what they hold themselves. */
export async function refresh(gap = true): Promise<void> {
	if (asking) {
		wanted = { gap: gap || (wanted?.gap ?? false) };
		return;
	}
	asking = true;
	held = [];
	askedAt = Date.now();
	try {
		const [wall, list, state] = await Promise.all([
			get<Wall>('/api/v1/wall'), get<{ alerts: Alert[] }>('/api/v1/alerts'), get<Status>('/api/v1/status'),
		]);
		batch(() => {
			generation.value += gap && loaded.value ? 1 : 0;
			takeAll(wall, list.alerts, state);
			held.forEach((again) => again());
			publish();
		});
	} catch (e) {
		trouble.value = e instanceof Error ? e.message : String(e);
		if (!linked.value) {
			lostAt.value ??= now.value;
		}
	} finally {
		asking = false;
		const next = wanted;
		wanted = null;
		if (next) {
			void refresh(next.gap);
		}
	}
}

function takeAll(wall: Wall, list: Alert[], state: Status): void {
	setServerTime(state.now_ms ?? moment(wall.now));
	categories.value = wall.categories;
	totals.value = wall.totals;
	draftHosts = new Map(wall.hosts.map((h) => [h.host, h]));
	draftAlerts = new Map(list.map((a) => [String(a.id), a]));
	status.value = state;
	events.value = newestFirst(state.events ?? []);
	toldStale.value = wall.stale;
	trouble.value = null;
	loaded.value = true;
	lostAt.value = null;
}

function newestFirst(list: Happening[]): Happening[] {
	return [...list].sort((a, b) => moment(b.t) - moment(a.t)).slice(0, eventsMax);
}

/**
 * Hosts and alerts change in bursts: each second every host that had its round, or all of a rack at once. Events change
 * drafts, and what pages see is replaced once for all that came within a moment.
 */
const momentMs = 40;
let draftHosts: Map<string, WallHost> | null = null;
let draftAlerts: Map<string, Alert> | null = null;
let publishing: ReturnType<typeof setTimeout> | undefined;

function publish(): void {
	clearTimeout(publishing);
	publishing = undefined;
	batch(() => {
		hosts.value = draftHosts ?? hosts.value;
		alerts.value = draftAlerts ?? alerts.value;
	});
	draftHosts = null;
	draftAlerts = null;
}

function changeHosts(): Map<string, WallHost> {
	draftHosts ??= new Map(hosts.value);
	publishing ??= setTimeout(publish, momentMs);
	return draftHosts;
}

function changeAlerts(): Map<string, Alert> {
	draftAlerts ??= new Map(alerts.value);
	publishing ??= setTimeout(publish, momentMs);
	return draftAlerts;
}

type Handlers = { [N in EventName]?: (data: StreamEvents[N]) => void };

const handlers: Handlers = {
	hello: (d) => {
		setServerTime(d.now_ms);
		toldStale.value = d.stale;
	},
	alert: (a) => {
		changeAlerts().set(String(a.id), a);
	},
	alert_gone: ({ id }) => {
		changeAlerts().delete(String(id));
	},
	host: (h) => {
		const all = changeHosts();
		all.set(h.host, { ...all.get(h.host), ...h });
	},
	sources: takeSources,
	live: ({ t, v }) => {
		const at = moment(t);
		if (!(at <= newestLive.value)) {
			newestLive.value = at;
		}
		latest.value = new Map([...latest.value, ...Object.entries(v)]);
		liveListeners.forEach((listener) => listener(at, v));
	},
	status: (s) => {
		status.value = { ...status.value, ...s };
		if (s.now_ms !== undefined) {
			setServerTime(s.now_ms);
		}
		if (s.events) {
			events.value = newestFirst(s.events);
		}
	},
	event: (e) => {
		events.value = newestFirst([e, ...events.value]);
	},
	stale: (s) => {
		toldStale.value = s.stale;
	},
};

/** Takes one event of the stream. */
export function takeEvent<N extends EventName>(name: N, data: StreamEvents[N]): void {
	const handler = handlers[name] as ((data: StreamEvents[N]) => void) | undefined;
	batch(() => handler?.(data));
	if (asking && (name === 'host' || name === 'alert' || name === 'alert_gone')) {
		held.push(() => handler?.(data));
	}
}

/** Takes the word that the stream opened or broke. */
export function takeLink(open: boolean): void {
	linked.value = open;
	if (open) {
		lostAt.value = null;
	} else {
		lostAt.value ??= now.value;
	}
}

/** Hosts whose rounds bring no event of their own are asked for before they look old. */
export function keepFresh(): void {
	const old = now.value - newest.value > 1.5 * quickestStep.value * 1000;
	if ((old || !loaded.value || trouble.value !== null) && Date.now() - askedAt > askAgainMs && !document.hidden) {
		void refresh(false);
	}
}
