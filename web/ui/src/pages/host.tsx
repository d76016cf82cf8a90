// One host: its services, by category.
import { useEffect, useState } from 'preact/hooks';
import { get, hostPath, servicePath } from '../api';
import { Broken, Empty } from '../components/empty';
import { generation } from '../state/store';
import type { Host } from '../types';

export function HostPage({ host }: { host: string }) {
	const [answer, setAnswer] = useState<Host | Error | null>(null);
	const round = generation.value;
	useEffect(() => {
		get<Host>(`/api/v1${hostPath(host)}`).then(setAnswer, setAnswer);
	}, [host, round]);
	if (answer === null) {
		return <div class="panel" aria-busy="true"><Empty title="Reading…" /></div>;
	}
	if (answer instanceof Error) {
		return <div class="panel"><Broken what={host} why={answer.message} again={() => generation.value++} /></div>;
	}
	return (
		<>
			<div class="head"><h1>{host}</h1></div>
			<div class="panel">
				<table class="t"><tbody>
					{answer.services.map((s) => (
						<tr key={s.service} data-nav><td><a href={servicePath(host, s.service)}>{s.title}</a></td><td>{s.category}</td></tr>
					))}
				</tbody></table>
			</div>
		</>
	);
}
