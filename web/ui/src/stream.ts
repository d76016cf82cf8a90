// One event stream of the server, opened again when it breaks: the browser does so by itself after a lost connection,
// but gives up after an HTTP error, for instance while the server restarts behind a proxy.

export const eventNames = ['hello', 'alert', 'alert_gone', 'host', 'sources', 'live', 'status', 'event', 'resync', 'stale'] as const;

export type EventName = (typeof eventNames)[number];

export interface StreamListener {
	/** `data` is the event's JSON text. */
	event(name: EventName, data: string): void;
	/** True: the stream is open. False: it is broken and being opened again. */
	link(open: boolean): void;
}

const firstRetryMs = 1000;
const lastRetryMs = 15000;

export class Stream {
	private source: EventSource | null = null;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private retryMs = firstRetryMs;

	/** `topic` is the query of the stream: '', `host=NAME`, `series=ID,ID` or `sources=1`. */
	constructor(readonly topic: string, private readonly listener: StreamListener) {
		this.open();
	}

	private open(): void {
		const source = new EventSource(`/api/v1/events${this.topic ? `?${this.topic}` : ''}`);
		this.source = source;
		source.onopen = () => {
			this.retryMs = firstRetryMs;
			this.listener.link(true);
		};
		source.onerror = () => {
			this.listener.link(false);
			if (source.readyState === EventSource.CLOSED) {
				this.timer = setTimeout(() => this.open(), this.retryMs);
				this.retryMs = Math.min(this.retryMs * 2, lastRetryMs);
			}
		};
		for (const name of eventNames) {
			source.addEventListener(name, (e) => this.listener.event(name, (e as MessageEvent<string>).data));
		}
	}

	close(): void {
		clearTimeout(this.timer);
		this.source?.close();
		this.source = null;
	}
}
