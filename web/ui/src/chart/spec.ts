// What is handed to the drawing part (plot.ts, a script of its own): numbers and names of tokens, nothing of the page.
import type { Axis } from './plan';

export type Values = (number | null)[];

export interface PlotCurve {
	values: Values;
	/** Extremes within each point, drawn as a band around a line. */
	least: Values | null;
	most: Values | null;
	/** 1 to 8, 0 for grey. */
	colour: number;
	kind: 'line' | 'area' | 'stack';
	filled: boolean;
	width: number;
	mirrored: boolean;
}

export interface PlotLimit {
	level: 'info' | 'warn' | 'crit' | 'unknown';
	below: boolean;
	value: number;
	/** Written upon the line; empty for none. */
	label: string;
}

/** A span in which an alert was there. */
export interface PlotMark {
	from: number;
	to: number;
	label: string;
	level: PlotLimit['level'];
}

export interface PlotSpec {
	/** Epoch seconds, the end of each bucket. */
	x: number[];
	step: number;
	curves: PlotCurve[];
	from: number;
	to: number;
	/** Where knowledge ends: no grey "no data" beyond. Epoch seconds. */
	now: number;
	axis: Axis;
	/** `given`: as the plugin's arguments say; `fit`: what the values need; `zero`: that and zero. */
	fit: 'given' | 'fit' | 'zero';
	limits: PlotLimit[];
	marks: PlotMark[];
	/** Pixels; the plot itself takes what its box gives. */
	height: number;
	zoomable: boolean;
	/** Small plots leave out words. */
	notes: boolean;
}

export interface PlotEvents {
	/** The cursor stands on this point; null: it left. */
	cursor(index: number | null): void;
	zoom(from: number, to: number): void;
}

export interface PlotHandle {
	update(spec: PlotSpec): void;
	/** Moves the cursor by so many points, from the newest if it stands nowhere. */
	step(by: number): void;
	leave(): void;
	/** True while the pointer is upon it or a span is being drawn: then nothing may move. */
	busy(): boolean;
	destroy(): void;
}

export interface PlotModule {
	createPlot(box: HTMLElement, spec: PlotSpec, events: PlotEvents): PlotHandle;
}
