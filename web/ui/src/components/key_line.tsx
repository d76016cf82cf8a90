// The keys of a page, at its foot.
export function KeyLine({ keys }: { keys: [string, string][] }) {
	return (
		<p class="keys">
			{keys.map(([key, word]) => (
				<span key={key}>{key.split(' ').map((k) => <><kbd>{k}</kbd> </>)}{word}</span>
			))}
		</p>
	);
}
