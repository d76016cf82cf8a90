// Asks the server. One place knows how its errors look (RFC 9457); pages show `Failure` as it is.

export class Failure extends Error {
	/** 0: no answer at all. */
	readonly status: number;

	constructor(status: number, text: string) {
		super(text);
		this.status = status;
	}
}

async function explain(answer: Response): Promise<Failure> {
	let text = `${answer.status} ${answer.statusText}`;
	if ((answer.headers.get('content-type') ?? '').includes('json')) {
		const problem: unknown = await answer.json().catch(() => null);
		if (problem && typeof problem === 'object') {
			const { title, detail } = problem as { title?: unknown; detail?: unknown };
			text = [title, detail].filter((part) => typeof part === 'string' && part).join(': ') || text;
		}
	}
	return new Failure(answer.status, text);
}

/** GET `path` with `query`; rejects with a Failure, or with an AbortError when `signal` says so. */
export async function get<T>(
	path: string, query: Record<string, string | number | undefined> = {}, signal?: AbortSignal,
): Promise<T> {
	const parts = Object.entries(query).filter(([, v]) => v !== undefined);
	const text = parts.map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`).join('&');
	const options: RequestInit = { headers: { accept: 'application/json' } };
	if (signal) {
		options.signal = signal;
	}
	let answer: Response;
	try {
		answer = await fetch(text ? `${path}?${text}` : path, options);
	} catch (e) {
		if (signal?.aborted) {
			throw e;
		}
		throw new Failure(0, 'The server does not answer');
	}
	if (!answer.ok) {
		throw await explain(answer);
	}
	return await answer.json() as T;
}

export function hostPath(host: string): string {
	return `/hosts/${encodeURIComponent(host)}`;
}

export function servicePath(host: string, service: string): string {
	return `${hostPath(host)}/${encodeURIComponent(service)}`;
}
