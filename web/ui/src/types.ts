// What the server says, as docs of the HTTP interface fix it. Shapes may grow: unknown members are ignored.

export type Level = 'ok' | 'notice' | 'warning' | 'critical' | 'unknown';
export type AlertState = 'pending' | 'firing' | 'recovering';

/** A moment: RFC 3339, or epoch seconds or milliseconds (format/time.ts tells them apart). */
export type Moment = string | number | null;

export interface WallHost {
	host: string;
	group: string;
	state: Level;
	up: boolean;
	last_seen: Moment;
	/** Seconds between two rounds. */
	step: number;
	/** Why the last round failed; empty when it did not. */
	error: string;
	/** 24 letters, oldest hour first: o n w c u, or - for no data. */
	strip: string;
	/** One letter per category: o n w c u, s suppressed, x old, . no such category. */
	cells: string;
	/** Whether magpie.conf names it. */
	configured?: boolean;
	tags?: string[];
	first_seen?: Moment;
}

export interface Totals {
	hosts: number;
	services: number;
	series: number;
	samples_per_s: number;
}

export interface Wall {
	now: Moment;
	stale: boolean;
	categories: string[];
	totals: Totals;
	hosts: WallHost[];
}

/** What graphs are marked with. */
export interface Mark {
	id: number;
	kind: 'episode' | 'annotation';
	from: Moment;
	/** Null: an episode goes on, an annotation is of an instant. */
	to: Moment;
	service: string | null;
	level?: Level;
	rule?: string;
	text: string;
}

export interface Limit {
	rule: string;
	level: Level;
	below: boolean;
	value: number;
}

export interface Field {
	field: string;
	id: string;
	label: string;
	type: string;
	draw: string;
	colour: string;
	negative: string;
	cdef: string;
	min: number | null;
	max: number | null;
	unit: string;
	info: string;
	graph: boolean;
	warning: string | null;
	critical: string | null;
	/** What the source says of the present value: why a service is down. */
	extinfo?: string;
	gone: boolean;
	first_seen?: Moment;
	last_seen?: Moment;
	last: { t: Moment; v: number | null } | null;
	limits: Limit[];
}

export interface Service {
	service: string;
	title: string;
	category: string;
	vlabel: string;
	info: string;
	args: string;
	order: string | string[];
	period: string;
	scale: boolean;
	total: string | null;
	graph: boolean;
	/** Seconds between two samples. */
	step?: number;
	first_seen?: Moment;
	last_seen?: Moment;
	state: Level;
	fields: Field[];
}

export interface Host extends Omit<WallHost, 'cells'> {
	services: Service[];
}

export interface Alert {
	id: number | string;
	rule: string;
	host: string;
	group: string;
	service: string;
	field: string;
	title: string;
	label: string;
	level: Level;
	state: AlertState;
	since: Moment;
	value: number | null;
	value_text: string;
	threshold: number | null;
	threshold_text: string;
	summary: string;
	info: string;
	runbook: string;
	/** What the source says of the present value: why a service is down. */
	extinfo?: string | null;
	suppressed_by: string | null;
}

export interface Happening {
	t: Moment;
	kind: string;
	object: string;
	text: string;
}

export interface Status {
	version: string;
	uptime_s: number;
	now_ms: number;
	hosts: number;
	series: number;
	samples_per_s: number;
	stale: boolean;
	rules_error: string | null;
	rules_loaded: Moment;
	roles: { name: string; pid: number; restarts: number; uptime_s: number }[];
	events: Happening[];
}

export interface Data {
	t0: number;
	step: number;
	series: Record<string, (number | null)[]>;
}

/** Something that is asked each round: a node, a service, a check … */
export interface Source {
	/** HOST/KIND/NAME */
	id: string;
	host: string;
	group: string;
	kind: string;
	name: string;
	/** The address that is asked. */
	where: string;
	state: 'waiting' | 'ok' | 'complaining' | 'failing' | 'stale';
	since: Moment;
	/** Last success. */
	last: Moment;
	next: Moment;
	took_s: number;
	every_s: number;
	services: number;
	series: number;
	/** Rounds in a row. */
	failures: number;
	/** Of what answered. */
	version: string;
	/** Stage and reason. */
	error: string;
	/** What to do about the error; "": nothing is known. */
	advice: string;
	complaints: { plugin: string; error: string }[];
	strip: string;
	first_seen: Moment;
}

/** Events of the live stream by name. */
export interface StreamEvents {
	hello: { boot: string; now_ms: number; version: string; stale: boolean };
	alert: Alert;
	alert_gone: { id: number | string };
	host: WallHost;
	/** What changed; `all`: too much for an event, ask. */
	sources: { sources?: Source[]; gone?: string[]; all?: boolean };
	live: { t: Moment; v: Record<string, number | null> };
	status: Partial<Status>;
	event: Happening;
	resync: Record<string, never>;
	stale: { stale: boolean; since: Moment };
}
