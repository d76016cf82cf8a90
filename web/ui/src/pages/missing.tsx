// There is no such page, host or service.
import { Empty } from '../components/empty';

export function Missing({ what }: { what: string }) {
	return (
		<div class="panel">
			<Empty title={what}>
				<p>The address may be mistyped, or what it named is gone.</p>
				<a class="btn" href="/">To the wall</a>
			</Empty>
		</div>
	);
}
