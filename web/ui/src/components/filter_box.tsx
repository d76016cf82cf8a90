// The box that narrows a list while one types; `/` brings the focus here.
import { Icon } from './icon';

interface Props {
	value: string;
	hint: string;
	label: string;
	onInput: (text: string) => void;
}

export function FilterBox({ value, hint, label, onInput }: Props) {
	return (
		<label class="filter" role="search">
			<span class="hide">{label}</span>
			<Icon name="search" />
			<input class="bare" type="search" data-filter value={value} placeholder={hint} autocomplete="off" spellcheck={false}
				onInput={(e) => onInput(e.currentTarget.value)} />
			<kbd class="push desk">/</kbd>
		</label>
	);
}
