// The small part of rrdtool's reverse Polish notation that plugins use in `cdef`, so that live values, which arrive as
// stored, extend a chart whose older values the server already converted. What is not known here yields null and the
// chart waits for its next reading instead.

type Operator = (a: number, b: number) => number;

const binary: Record<string, Operator> = {
	'+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b, '%': (a, b) => a % b,
	MIN: Math.min, MAX: Math.max,
	LT: (a, b) => Number(a < b), LE: (a, b) => Number(a <= b), GT: (a, b) => Number(a > b), GE: (a, b) => Number(a >= b),
	EQ: (a, b) => Number(a === b), NE: (a, b) => Number(a !== b),
};

const unary: Record<string, (a: number) => number> = {
	ABS: Math.abs, SQRT: Math.sqrt, LOG: Math.log, EXP: Math.exp, FLOOR: Math.floor, CEIL: Math.ceil,
	UN: (a) => Number(Number.isNaN(a)),
};

function step(stack: number[], token: string, value: (name: string) => number | undefined): boolean {
	const two = binary[token];
	const one = unary[token];
	if (two || one || token === 'IF') {
		const args = stack.splice(-(two ? 2 : one ? 1 : 3));
		const [a, b, c] = args as [number, number, number];
		if (args.length < (two ? 2 : one ? 1 : 3)) {
			return false;
		}
		stack.push(two ? two(a, b) : one ? one(a) : a !== 0 ? b : c);
		return true;
	}
	const found = token === 'UNKN' ? NaN : (value(token) ?? (token.trim() === '' ? undefined : Number(token)));
	if (found === undefined || (Number.isNaN(found) && token !== 'UNKN' && value(token) === undefined)) {
		return false;
	}
	stack.push(found);
	return true;
}

/** Value of `cdef` where names mean `value(name)`; null when it is unknown or cannot be told. */
export function evaluate(cdef: string, value: (name: string) => number | undefined): number | null {
	const stack: number[] = [];
	for (const token of cdef.split(',')) {
		if (!step(stack, token, value)) {
			return null;
		}
	}
	const result = stack[0];
	return stack.length === 1 && result !== undefined && Number.isFinite(result) ? result : null;
}
