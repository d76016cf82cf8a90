// A drawing of the sprite in index.html; with a label it is read aloud, else it is decoration.
export function Icon({ name, label }: { name: string; label?: string }) {
	return label
		? <svg class="i" role="img" aria-label={label}><use href={`#${name}`} /></svg>
		: <svg class="i" aria-hidden="true"><use href={`#${name}`} /></svg>;
}
