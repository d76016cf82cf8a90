// A modal dialog: the browser keeps the focus inside and closes it at Esc; a click beside it closes it too.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface Props {
	label: string;
	onClose: () => void;
	children: ComponentChildren;
	wide?: boolean;
}

export function Dialog({ label, onClose, children, wide = false }: Props) {
	const box = useRef<HTMLDialogElement>(null);
	useLayoutEffect(() => {
		const d = box.current;
		d?.showModal();
		return () => d?.close();
	}, []);
	return (
		<dialog ref={box} class={wide ? 'dlg wide' : 'dlg'} aria-label={label} onClose={onClose}
			onClick={(e) => e.target === box.current && onClose()}>
			{children}
		</dialog>
	);
}
